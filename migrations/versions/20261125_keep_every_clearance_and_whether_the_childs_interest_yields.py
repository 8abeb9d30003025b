"""Keep every clearance there has been, and whether the child's interest yields; tell cases apart without blanks.

The two lists are filled from what is there: a decision's present clearance is the only one that is known.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

DECISION = sa.table(
    "decision",
    sa.column("id", sa.Uuid()),
    sa.column("diary_number", sa.String()),
    sa.column("natural_number", sa.String()),
    sa.column("clearance", JSON),
    sa.column("clearances", JSON),
)
KEY = "uq_decision_natural_key"


def upgrade() -> None:
    with op.batch_alter_table("decision") as decision:
        decision.add_column(sa.Column("natural_number", sa.String(100), nullable=True))
        decision.add_column(sa.Column("clearances", JSON, nullable=True))
    connection = op.get_bind()
    rows = connection.execute(sa.select(DECISION.c.id, DECISION.c.diary_number, DECISION.c.clearance)).all()
    for row in rows:
        known = [{**row.clearance, "until": None}] if row.clearance else []
        filled = {"natural_number": " ".join(row.diary_number.split()), "clearances": known}
        connection.execute(DECISION.update().where(DECISION.c.id == row.id).values(filled))
    with op.batch_alter_table("decision") as decision:
        decision.alter_column("natural_number", existing_type=sa.String(100), nullable=False)
        decision.alter_column("clearances", existing_type=JSON, nullable=False)
        decision.drop_constraint(KEY, type_="unique")
        decision.create_unique_constraint(KEY, ["organisation_id", "source", "natural_number", "decision_key"])
    with op.batch_alter_table("assessment") as assessment:
        assessment.add_column(sa.Column("interest_yields", sa.Boolean(), nullable=True))
        assessment.add_column(sa.Column("interest_yields_reason", sa.Text(), nullable=True))
        assessment.create_check_constraint(
            op.f("ck_assessment_interest_yields"), "NOT (interest_yields AND interest_yields_reason IS NULL)"
        )


def downgrade() -> None:
    with op.batch_alter_table("assessment") as assessment:
        assessment.drop_constraint(op.f("ck_assessment_interest_yields"), type_="check")
        assessment.drop_column("interest_yields_reason")
        assessment.drop_column("interest_yields")
    with op.batch_alter_table("decision") as decision:
        decision.drop_constraint(KEY, type_="unique")
        decision.create_unique_constraint(KEY, ["organisation_id", "source", "diary_number", "decision_key"])
        decision.drop_column("clearances")
        decision.drop_column("natural_number")
