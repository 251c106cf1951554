"""Tags of proposals: set by hand, read within the transaction of the ingest."""

import pytest

from app.accounts.proposals import ProposalService, ProposalTag
from app.accounts.registry import AccountRegistry
from app.accounts.service import AccountService
from app.core.clock import system_clock
from app.core.errors import InvalidError
from app.db.engine import Sessions, transaction

pytestmark = pytest.mark.asyncio


async def tags_of(sessions: Sessions, proposal_id: str) -> frozenset[str]:
    async with transaction(sessions) as session:
        return await AccountRegistry(session).tags_of(proposal_id)


async def test_tags_are_replaced_as_a_whole(sessions: Sessions) -> None:
    proposals = ProposalService(sessions)
    assert await tags_of(sessions, "P1") == frozenset()
    await proposals.replace_tags(
        "P1", [ProposalTag.PUBLIC, ProposalTag.PRIVATE, ProposalTag.PUBLIC]
    )
    assert await tags_of(sessions, "P1") == {"public", "private"}
    await proposals.replace_tags("P1", [ProposalTag.INTERNAL])
    assert await tags_of(sessions, "P1") == {"internal"}
    await proposals.replace_tags("P1", [])
    assert await tags_of(sessions, "P1") == frozenset()


async def test_a_known_proposal_keeps_the_rest(sessions: Sessions) -> None:
    accounts = AccountService(sessions, secret_key="k" * 32, clock=system_clock)
    await accounts.create_user("ada", "horse")
    proposals = ProposalService(sessions)
    await proposals.create("P1", "Rotation curves")
    await proposals.add_member("P1", "ada")
    await proposals.replace_tags("P1", [ProposalTag.PUBLIC])
    (proposal,) = await proposals.list()
    assert (proposal.title, proposal.members, proposal.tags) == (
        "Rotation curves",
        ("ada",),
        ("public",),
    )


async def test_an_unusable_proposal_is_refused(sessions: Sessions) -> None:
    with pytest.raises(InvalidError):
        await ProposalService(sessions).replace_tags(" P1", [ProposalTag.PUBLIC])
