"""Versions whose bytes are elsewhere, frames without bytes, and stored thumbnails."""

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Change the schema."""


def downgrade() -> None:
    """Take the change back."""
