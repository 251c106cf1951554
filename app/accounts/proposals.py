"""Proposals: their members, who see what is proprietary, and what they say of new frames."""

from collections.abc import Collection
from enum import StrEnum

from app.accounts.models import Proposal, check_proposal_id
from app.accounts.store import AccountStore, ProposalStore
from app.core.errors import NotFoundError
from app.db.engine import Sessions, transaction


class ProposalTag(StrEnum):
    """A word that decides from when on new frames of a proposal are public (ARC-84)."""

    PRIVATE = "private"
    """Never by themselves."""
    INTERNAL = "internal"
    """Never by themselves."""
    PUBLIC = "public"
    """From the start of the exposure."""


class ProposalService:
    """Looks after proposals, for people who look after the archive.

    Parameters
    ----------
    sessions
        Factory of database sessions.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def create(self, proposal_id: str, title: str = "") -> Proposal:
        """Create a proposal.

        Parameters
        ----------
        proposal_id
            As frames name it (PROPID), 1 to 100 printable characters.
        title
            May be empty.

        Returns
        -------
        Proposal
            Without members.

        Raises
        ------
        ConflictError
            If there is one of this id.
        InvalidError
            If the id cannot be used.
        """
        check_proposal_id(proposal_id)
        async with transaction(self._sessions) as session:
            return await ProposalStore(session).add(proposal_id, title)

    async def list(self) -> tuple[Proposal, ...]:
        """Return all proposals by id, with their members.

        Returns
        -------
        tuple of Proposal
            All.
        """
        async with transaction(self._sessions) as session:
            return await ProposalStore(session).list()

    async def add_member(self, proposal_id: str, username: str) -> None:
        """Make a user a member of a proposal, which is created where it is missing.

        Parameters
        ----------
        proposal_id
            As frames name it (PROPID).
        username
            Whom; being a member already is no error.

        Raises
        ------
        NotFoundError
            If there is no such user.
        InvalidError
            If the id cannot be used.
        """
        check_proposal_id(proposal_id)
        async with transaction(self._sessions) as session:
            user = await AccountStore(session).get_user(username)
            await ProposalStore(session).add_member(proposal_id, user.id)

    async def remove_member(self, proposal_id: str, username: str) -> None:
        """End a user's membership in a proposal.

        Parameters
        ----------
        proposal_id
            Of which proposal.
        username
            Whose.

        Raises
        ------
        NotFoundError
            If there is no such user or membership.
        """
        async with transaction(self._sessions) as session:
            user = await AccountStore(session).get_user(username)
            if not await ProposalStore(session).remove_member(proposal_id, user.id):
                raise NotFoundError(
                    f"user {username!r} is not a member of proposal {proposal_id!r}"
                )

    async def replace_tags(self, proposal_id: str, tags: Collection[ProposalTag]) -> None:
        """Give a proposal other tags; the proposal is created where it is missing.

        Frames that are in the archive keep their public date.

        Parameters
        ----------
        proposal_id
            As frames name it (PROPID).
        tags
            All that it has from now on; may be empty.

        Raises
        ------
        InvalidError
            If the id cannot be used.
        """
        check_proposal_id(proposal_id)
        async with transaction(self._sessions) as session:
            await ProposalStore(session).replace_tags(proposal_id, sorted(set(tags)))
