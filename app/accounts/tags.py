"""What proposals say of the frames that are taken for them."""

from collections.abc import Collection
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import check_proposal_id
from app.accounts.store import ProposalStore
from app.db.engine import Sessions, transaction


class ProposalTag(StrEnum):
    """A word that decides from when on new frames of a proposal are public (ARC-84)."""

    PRIVATE = "private"
    """Never by themselves."""
    INTERNAL = "internal"
    """Never by themselves."""
    PUBLIC = "public"
    """From the start of the exposure."""


class ProposalTags:
    """Sets tags, for people who look after the archive.

    Parameters
    ----------
    sessions
        Factory of database sessions.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def replace(self, proposal_id: str, tags: Collection[ProposalTag]) -> None:
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


class AccountRegistry:
    """Says what the ingest needs to know of accounts, within its own transaction.

    Parameters
    ----------
    session
        Within a transaction.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._store = ProposalStore(session)

    async def tags_of(self, proposal_id: str) -> frozenset[str]:
        """Return the tags of a proposal.

        Parameters
        ----------
        proposal_id
            As frames name it (PROPID).

        Returns
        -------
        frozenset of str
            Values of `ProposalTag`; empty where nobody knows the proposal.
        """
        return await self._store.tags(proposal_id)
