"""Keep what case systems tell: which facts are theirs, what they said last, and their keys of handlings."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

DECISION = sa.table("decision", sa.column("kept_by_source", JSON))
KEY = "uq_handling_decision_id_source_key"


def upgrade() -> None:
    with op.batch_alter_table("decision") as decision:
        decision.add_column(sa.Column("kept_by_source", JSON, nullable=True))
        decision.add_column(sa.Column("told_by_source", JSON, nullable=True))
    op.get_bind().execute(DECISION.update().values(kept_by_source=[]))
    with op.batch_alter_table("decision") as decision:
        decision.alter_column("kept_by_source", existing_type=JSON, nullable=False)
    with op.batch_alter_table("handling") as handling:
        handling.add_column(sa.Column("source_key", sa.String(100), nullable=True))
        handling.create_unique_constraint(op.f(KEY), ["decision_id", "source_key"])


def downgrade() -> None:
    with op.batch_alter_table("handling") as handling:
        handling.drop_constraint(op.f(KEY), type_="unique")
        handling.drop_column("source_key")
    with op.batch_alter_table("decision") as decision:
        decision.drop_column("told_by_source")
        decision.drop_column("kept_by_source")
