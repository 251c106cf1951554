"""Users, what they may see, and how they prove who they are."""

from datetime import datetime

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Text,
    func,
    text,
)
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
    """A token or the session of a browser, found by its hash.

    The dialects hand out the same token again and again, so that its value is kept too, encrypted
    with the secret key. A user has at most one live token, and any number of sessions; these
    expire, and nothing but their hash is kept.
    """

    __tablename__ = "credentials"
    __table_args__ = (
        Index(
            "uq_credentials_live_token",
            "user_id",
            "kind",
            unique=True,
            postgresql_where=text("revoked_at IS NULL AND kind <> 'session'"),
        ),
        CheckConstraint("(kind = 'session') = (expires_at IS NOT NULL)", name="sessions_expire"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str]
    value_hash: Mapped[str] = mapped_column(unique=True)
    value_encrypted: Mapped[bytes] = mapped_column(LargeBinary())
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    revoked_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]


class ProposalRow(Base):
    """A proposal, whose members see its proprietary frames."""

    __tablename__ = "proposals"

    id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(server_default=text("''"))
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text()), server_default=text("'{}'"))
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


class ThrottleCounterRow(Base):
    """How often something happened since its count began; worth nothing after a crash."""

    __tablename__ = "throttle_counters"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    subject: Mapped[str] = mapped_column(primary_key=True)
    hits: Mapped[int]
    resets_at: Mapped[datetime] = mapped_column(index=True)
