"""What other features read of accounts, within their own transaction."""

from app.accounts.store import AccountStore, ProposalStore
from app.core.identity import Caller
from app.db.engine import Transaction


class AccountRegistry:
    """Says what the ingest needs to know of accounts, within its own transaction.

    Parameters
    ----------
    session
        Within a transaction.
    """

    def __init__(self, session: Transaction) -> None:
        self._accounts = AccountStore(session)
        self._proposals = ProposalStore(session)

    async def caller_of(self, user_id: int) -> Caller:
        """Return a user as the one who asks.

        Parameters
        ----------
        user_id
            That a row refers to.

        Returns
        -------
        Caller
            With the proposals that the user is a member of.
        """
        user, proposals = await self._accounts.get_member(user_id)
        return user.as_caller(proposals)

    async def tags_of(self, proposal_id: str) -> frozenset[str]:
        """Return the tags of a proposal.

        Parameters
        ----------
        proposal_id
            As frames name it (PROPID).

        Returns
        -------
        frozenset of str
            Values of `app.accounts.proposals.ProposalTag`; empty where nobody knows the proposal.
        """
        return await self._proposals.tags(proposal_id)
