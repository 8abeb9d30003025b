"""Keep the case systems that are pulled from, what they asked to be fetched, and what was set aside."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")

revision = "0007"
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('case_system',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('changed_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('changed_by', sa.Uuid(), nullable=True),
    sa.Column('source', sqlmodel.sql.sqltypes.AutoString(length=60), nullable=False),
    sa.Column('product', sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
    sa.Column('address', sqlmodel.sql.sqltypes.AutoString(length=2000), nullable=False),
    sa.Column('credential', sqlmodel.sql.sqltypes.AutoString(length=4000), nullable=True),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('pull_from', sa.Date(), nullable=False),
    sa.Column('minutes', sa.Integer(), nullable=False),
    sa.Column('position', JSON, nullable=False),
    sa.Column('due_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.Column('not_before', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('last_error', sqlmodel.sql.sqltypes.AutoString(length=300), nullable=True),
    sa.Column('pulled_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.Column('counts', JSON, nullable=False),
    sa.Column('lease', sa.Uuid(), nullable=True),
    sa.Column('leased_until', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.CheckConstraint("product IN ('ahjo')", name=op.f('ck_case_system_product')),
    sa.CheckConstraint('minutes BETWEEN 1 AND 1440', name=op.f('ck_case_system_minutes')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_case_system_organisation_id')),
    sa.ForeignKeyConstraint(['person_id'], ['account.id'], name=op.f('fk_case_system_person_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_case_system')),
    sa.UniqueConstraint('organisation_id', 'source', name=op.f('uq_case_system_organisation_id_source'))
    )
    with op.batch_alter_table('case_system', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_case_system_organisation_id'), ['organisation_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_case_system_person_id'), ['person_id'], unique=False)

    op.create_table('case_notice',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('system_id', sa.Uuid(), nullable=False),
    sa.Column('external_id', sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
    sa.Column('told_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('due_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['system_id'], ['case_system.id'], name=op.f('fk_case_notice_system_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_case_notice')),
    sa.UniqueConstraint('system_id', 'external_id', name=op.f('uq_case_notice_system_id_external_id'))
    )
    with op.batch_alter_table('case_notice', schema=None) as batch_op:
        batch_op.create_index('ix_case_notice_due', ['system_id', 'due_at'], unique=False)

    op.create_table('case_set_aside',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('system_id', sa.Uuid(), nullable=False),
    sa.Column('external_id', sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
    sa.Column('code', sqlmodel.sql.sqltypes.AutoString(length=60), nullable=False),
    sa.Column('detail', sqlmodel.sql.sqltypes.AutoString(length=300), nullable=False),
    sa.Column('faults', JSON, nullable=False),
    sa.Column('first_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('last_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_case_set_aside_organisation_id')),
    sa.ForeignKeyConstraint(['system_id'], ['case_system.id'], name=op.f('fk_case_set_aside_system_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_case_set_aside')),
    sa.UniqueConstraint('system_id', 'external_id', name=op.f('uq_case_set_aside_system_id_external_id'))
    )


def downgrade() -> None:
    op.drop_table('case_set_aside')
    with op.batch_alter_table('case_notice', schema=None) as batch_op:
        batch_op.drop_index('ix_case_notice_due')

    op.drop_table('case_notice')
    with op.batch_alter_table('case_system', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_case_system_person_id'))
        batch_op.drop_index(batch_op.f('ix_case_system_organisation_id'))

    op.drop_table('case_system')
