"""How far an import from another archive has come."""

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Change the schema."""


def downgrade() -> None:
    """Take the change back."""
