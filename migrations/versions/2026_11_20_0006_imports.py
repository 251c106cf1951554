"""How far an import from another archive has come."""

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the table of what was imported."""
    op.create_table(
        "imported_frames",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("source_key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("frame_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "imported_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["frame_id"],
            ["frames.id"],
            name=op.f("fk_imported_frames_frame_id_frames"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("source", "source_key", name=op.f("pk_imported_frames")),
    )
    op.create_index(
        op.f("ix_imported_frames_frame_id"), "imported_frames", ["frame_id"], unique=False
    )


def downgrade() -> None:
    """Forget what was imported; the frames stay."""
    op.drop_table("imported_frames")
