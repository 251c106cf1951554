"""Versions whose bytes are elsewhere, frames without bytes, and stored thumbnails."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None

_OF_THE_BYTES = ("file_id", "received_size_bytes", "received_sha256")


def upgrade() -> None:
    """Let versions do without bytes, and frames without versions."""
    for column in _OF_THE_BYTES:
        op.alter_column("frame_versions", column, nullable=True)
    op.add_column("frame_versions", _expected_keys())
    op.drop_index(op.f("ix_frame_versions_received_md5"), table_name="frame_versions")
    op.create_unique_constraint(
        op.f("uq_frame_versions_received_md5"), "frame_versions", ["received_md5"]
    )
    op.add_column(
        "frames",
        sa.Column("has_versions", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.execute("UPDATE frames SET has_versions = true")
    op.add_column("frames", sa.Column("posted_header", postgresql.JSONB(), nullable=True))
    _make_thumbnails()


def downgrade() -> None:
    """Forget what has no bytes."""
    op.drop_table("stored_thumbnails")
    op.execute("DELETE FROM frame_versions WHERE file_id IS NULL")
    op.execute("DELETE FROM frames WHERE id NOT IN (SELECT frame_id FROM frame_versions)")
    op.drop_column("frames", "posted_header")
    op.drop_column("frames", "has_versions")
    op.drop_constraint(op.f("uq_frame_versions_received_md5"), "frame_versions")
    op.create_index(op.f("ix_frame_versions_received_md5"), "frame_versions", ["received_md5"])
    op.drop_column("frame_versions", "expected_keys")
    for column in _OF_THE_BYTES:
        op.alter_column("frame_versions", column, nullable=False)


def _expected_keys() -> sa.Column[list[str]]:
    return sa.Column(
        "expected_keys", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
    )


def _make_thumbnails() -> None:
    op.create_table(
        "stored_thumbnails",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("frame_id", sa.BigInteger(), nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=True),
        sa.Column("size", sa.String(), nullable=False),
        sa.Column("basename", sa.String(), nullable=False),
        sa.Column("extension", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("md5", sa.String(), nullable=False),
        _expected_keys(),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["file_id"], ["files.id"], name=op.f("fk_stored_thumbnails_file_id_files")
        ),
        sa.ForeignKeyConstraint(
            ["frame_id"],
            ["frames.id"],
            name=op.f("fk_stored_thumbnails_frame_id_frames"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stored_thumbnails")),
        sa.UniqueConstraint("basename", name=op.f("uq_stored_thumbnails_basename")),
        sa.UniqueConstraint("file_id", name=op.f("uq_stored_thumbnails_file_id")),
    )
    op.create_index(
        op.f("ix_stored_thumbnails_frame_id"), "stored_thumbnails", ["frame_id"], unique=False
    )
