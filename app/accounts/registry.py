"""What other features read of accounts, within their own transaction."""

from app.accounts.store import ProposalStore
from app.db.engine import Transaction


class AccountRegistry:
    """Says what the ingest needs to know of accounts, within its own transaction.

    Parameters
    ----------
    session
        Within a transaction.
    """

    def __init__(self, session: Transaction) -> None:
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
            Values of `app.accounts.proposals.ProposalTag`; empty where nobody knows the proposal.
        """
        return await self._store.tags(proposal_id)
