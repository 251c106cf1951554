"""Proposals, their members and their tags in the database."""

from collections.abc import Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.models import Proposal
from app.db.tables import ProposalMembershipRow, ProposalRow, UserRow


class ProposalStore:
    """Proposals, within one transaction.

    Parameters
    ----------
    session
        Within a transaction.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, proposal_id: str, title: str) -> Proposal:
        """Add a proposal.

        Parameters
        ----------
        proposal_id
            A new one; a known one violates a constraint.
        title
            May be empty.

        Returns
        -------
        Proposal
            Without members.
        """
        self._session.add(ProposalRow(id=proposal_id, title=title))
        await self._session.flush()
        return Proposal(proposal_id, title)

    async def list(self) -> tuple[Proposal, ...]:
        """Return all proposals by id, with their members.

        Returns
        -------
        tuple of Proposal
            All.
        """
        members = (
            select(func.array_agg(UserRow.username))
            .join(ProposalMembershipRow, ProposalMembershipRow.user_id == UserRow.id)
            .where(ProposalMembershipRow.proposal_id == ProposalRow.id)
            .correlate(ProposalRow)
            .scalar_subquery()
        )
        query = select(ProposalRow, members).order_by(ProposalRow.id)
        found = await self._session.execute(query)
        return tuple(
            Proposal(row.id, row.title, tuple(sorted(names or ())), tuple(row.tags))
            for row, names in found
        )

    async def add_member(self, proposal_id: str, user_id: int) -> None:
        """Make a user a member; the proposal is added where it is missing.

        Parameters
        ----------
        proposal_id
            Known or new.
        user_id
            Whom; being a member already is no error.
        """
        await self._session.execute(
            insert(ProposalRow).values(id=proposal_id).on_conflict_do_nothing()
        )
        await self._session.execute(
            insert(ProposalMembershipRow)
            .values(proposal_id=proposal_id, user_id=user_id)
            .on_conflict_do_nothing()
        )

    async def remove_member(self, proposal_id: str, user_id: int) -> bool:
        """End a membership.

        Parameters
        ----------
        proposal_id
            Of which proposal.
        user_id
            Whose.

        Returns
        -------
        bool
            False where there was none.
        """
        removed = await self._session.scalar(
            delete(ProposalMembershipRow)
            .where(
                ProposalMembershipRow.proposal_id == proposal_id,
                ProposalMembershipRow.user_id == user_id,
            )
            .returning(ProposalMembershipRow.user_id)
        )
        return removed is not None

    async def replace_tags(self, proposal_id: str, tags: Sequence[str]) -> None:
        """Store other tags; the proposal is added where it is missing.

        Parameters
        ----------
        proposal_id
            Known or new.
        tags
            All that it has from now on.
        """
        await self._session.execute(
            insert(ProposalRow)
            .values(id=proposal_id, tags=tags)
            .on_conflict_do_update(index_elements=[ProposalRow.id], set_={"tags": tags})
        )

    async def tags(self, proposal_id: str) -> frozenset[str]:
        """Return the tags of a proposal.

        Parameters
        ----------
        proposal_id
            Known or not.

        Returns
        -------
        frozenset of str
            Empty where there is no such proposal.
        """
        tags = await self._session.scalar(
            select(ProposalRow.tags).where(ProposalRow.id == proposal_id)
        )
        return frozenset(tags or ())
