"""Who asks: the caller that every service call names."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """The person or program behind a request.

    Attributes
    ----------
    user_id
        None for an anonymous caller.
    username
        Empty for an anonymous caller.
    is_staff
        May upload, delete and look after the ingest; sees no more than any user.
    is_superuser
        Staff who may do and see everything.
    proposals
        Proposals whose proprietary frames the caller may see.
    """

    user_id: int | None = None
    username: str = ""
    is_staff: bool = False
    is_superuser: bool = False
    proposals: frozenset[str] = frozenset()

    @property
    def is_known(self) -> bool:
        """Whether the caller is logged in."""
        return self.user_id is not None

    @property
    def sees_everything(self) -> bool:
        """Whether no frame is hidden from the caller."""
        return self.is_superuser


ANONYMOUS = Caller()
SYSTEM = Caller(username="system", is_staff=True, is_superuser=True)
"""The archive itself: worker, bulk import, command line."""
