"""Shapes of the accounts area (LCO archive: ARC-1, ARC-90; pyobs: PYO-1)."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from app.accounts.models import Profile


class CredentialsIn(BaseModel):
    """A login."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    username: Annotated[str, Field(min_length=1, max_length=300, examples=["admin"])]
    """User name or e-mail address; case does not count."""

    password: Annotated[str, Field(min_length=1, max_length=4096, examples=["correct horse"])]
    """The password."""


class TokenOut(BaseModel):
    """A token."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    token: Annotated[str, Field(examples=["9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b"])]
    """40 hexadecimal digits, the same at every login until it is revoked."""


class MemberOut(BaseModel):
    """What a user may see."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    proposals: list[str] | None = None
    """Proposals whose proprietary frames the user sees."""


class ProfileOut(BaseModel):
    """Who the caller is; empty for an anonymous one."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    username: str
    """Empty for an anonymous caller."""

    profile: MemberOut
    """Empty for an anonymous caller."""

    is_staff: bool
    """Whether the caller may upload and look after the ingest."""

    @classmethod
    def of(cls, profile: Profile) -> Self:
        """Give the wire form."""
        return cls(
            username=profile.username,
            profile=MemberOut(proposals=sorted(profile.proposals) if profile.username else None),
            is_staff=profile.is_staff,
        )


class MessageOut(BaseModel):
    """What was done."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    message: str
    """One sentence."""
