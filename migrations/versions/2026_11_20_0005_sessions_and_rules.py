"""Sessions of browsers, tags of proposals, and counters of what comes too often."""

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | None = None
depends_on: str | None = None

_LIVE_TOKEN = "uq_credentials_live_token"  # noqa: S105  # an index


def upgrade() -> None:
    """Let users have sessions besides their token, and proposals have tags."""
    op.add_column("credentials", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    _replace_live_token("revoked_at IS NULL AND kind <> 'session'")
    op.create_check_constraint(
        op.f("ck_credentials_sessions_expire"),
        "credentials",
        "(kind = 'session') = (expires_at IS NOT NULL)",
    )
    op.add_column(
        "proposals",
        sa.Column("tags", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.create_table(
        "throttle_counters",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("hits", sa.BigInteger(), nullable=False),
        sa.Column("resets_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_throttle_counters")),
        prefixes=["UNLOGGED"],
    )
    op.create_index(
        op.f("ix_throttle_counters_resets_at"), "throttle_counters", ["resets_at"], unique=False
    )


def downgrade() -> None:
    """End all sessions, and forget tags and counters."""
    op.drop_table("throttle_counters")
    op.drop_column("proposals", "tags")
    op.execute("DELETE FROM credentials WHERE kind = 'session'")
    op.drop_constraint(op.f("ck_credentials_sessions_expire"), "credentials")
    _replace_live_token("revoked_at IS NULL")
    op.drop_column("credentials", "expires_at")


def _replace_live_token(condition: str) -> None:
    op.drop_index(_LIVE_TOKEN, table_name="credentials")
    op.create_index(
        _LIVE_TOKEN,
        "credentials",
        ["user_id", "kind"],
        unique=True,
        postgresql_where=sa.text(condition),
    )
