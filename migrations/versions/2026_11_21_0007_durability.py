"""Verifications, the trash, the audit, and what is known of damage and FITS checksums."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | None = None
depends_on: str | None = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables and columns."""
    op.add_column("files", sa.Column("verified_at", _MOMENT, nullable=True))
    op.add_column("files", sa.Column("damage", sa.String(), nullable=True))
    op.add_column("files", sa.Column("damaged_at", _MOMENT, nullable=True))
    op.add_column("frame_versions", sa.Column("fits_checksum", sa.String(), nullable=True))
    op.add_column("frame_versions", _texts("checksum_flaws", default="'{}'"))
    _make_verifications()
    _make_removed_frames()
    _make_audit()


def _make_verifications() -> None:
    op.create_table(
        "verifications",
        _number(),
        _now("started_at"),
        sa.Column("finished_at", _MOMENT, nullable=True),
        sa.Column("mends", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=True),
        sa.Column("files_read", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("bytes_read", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verifications")),
    )
    op.create_table(
        "verification_findings",
        _number(),
        sa.Column("verification_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("frame_id", sa.BigInteger(), nullable=True),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("mended", sa.String(), nullable=True),
        _now("found_at"),
        sa.ForeignKeyConstraint(
            ["verification_id"],
            ["verifications.id"],
            name=op.f("fk_verification_findings_verification_id_verifications"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verification_findings")),
    )
    op.create_index(
        "uq_verification_findings_thing",
        "verification_findings",
        ["verification_id", "kind", "name"],
        unique=True,
    )


def _make_removed_frames() -> None:
    op.create_table(
        "removed_frames",
        _number(),
        sa.Column("frame_id", sa.BigInteger(), nullable=False),
        sa.Column("basename", sa.String(), nullable=False),
        _now("removed_at"),
        sa.Column("removed_by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("public_at", _MOMENT, nullable=True),
        sa.Column("is_internal", sa.Boolean(), nullable=False),
        sa.Column("proposal", sa.String(), nullable=True),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column("table_rows", postgresql.JSONB(), nullable=False),
        _texts("keys"),
        sa.Column("restored_at", _MOMENT, nullable=True),
        sa.Column("purged_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_removed_frames")),
    )
    for column in ("basename", "expires_at", "frame_id"):
        op.create_index(op.f(f"ix_removed_frames_{column}"), "removed_frames", [column])


def _make_audit() -> None:
    op.create_table(
        "audit_lines",
        _number(),
        _now("at"),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("details", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_lines")),
    )
    for column in ("at", "subject"):
        op.create_index(op.f(f"ix_audit_lines_{column}"), "audit_lines", [column])


def _number() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _now(name: str) -> sa.Column[object]:
    return sa.Column(name, _MOMENT, server_default=sa.text("now()"), nullable=False)


def _texts(name: str, default: str | None = None) -> sa.Column[object]:
    given = None if default is None else sa.text(default)
    return sa.Column(name, postgresql.ARRAY(sa.Text()), server_default=given, nullable=False)


def downgrade() -> None:
    """Forget all of it; what lies in the trash stays there as files without rows."""
    for table in ("audit_lines", "removed_frames", "verification_findings", "verifications"):
        op.drop_table(table)
    op.drop_column("frame_versions", "checksum_flaws")
    op.drop_column("frame_versions", "fits_checksum")
    for column in ("damaged_at", "damage", "verified_at"):
        op.drop_column("files", column)
