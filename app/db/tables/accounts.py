"""Users, what they may see, and how they prove who they are."""

from datetime import datetime

from sqlalchemy import ForeignKey, Identity, Index, LargeBinary, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables.base import Base


class UserRow(Base):
    """A person or a program that can log in. Names are unique whatever their case."""

    __tablename__ = "users"
    __table_args__ = (
        Index("uq_users_username_lower", text("lower(username)"), unique=True),
        Index("uq_users_email_lower", text("lower(email)"), unique=True),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    username: Mapped[str]
    email: Mapped[str | None]
    password_hash: Mapped[str | None]
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    is_staff: Mapped[bool] = mapped_column(server_default=text("false"))
    is_superuser: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class CredentialRow(Base):
    """A token, found by its hash.

    The dialects hand out the same token again and again, so that its value is kept too, encrypted
    with the secret key.
    """

    __tablename__ = "credentials"
    __table_args__ = (
        Index(
            "uq_credentials_live_token",
            "user_id",
            "kind",
            unique=True,
            postgresql_where=text("revoked_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str]
    value_hash: Mapped[str] = mapped_column(unique=True)
    value_encrypted: Mapped[bytes] = mapped_column(LargeBinary())
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    revoked_at: Mapped[datetime | None]


class ProposalRow(Base):
    """A proposal, whose members see its proprietary frames."""

    __tablename__ = "proposals"

    id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(server_default=text("''"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ProposalMembershipRow(Base):
    """A user's membership in a proposal."""

    __tablename__ = "proposal_memberships"

    proposal_id: Mapped[str] = mapped_column(
        ForeignKey("proposals.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
    )
