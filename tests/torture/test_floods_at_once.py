"""Names and contents at random, by all ways, at the same moments: nothing twice, nothing lost."""

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest

from app.core.offload import Offload
from tests.support.archive import settings_in
from tests.support.many_ways import Crowd, Way, crowd_in, some_contents
from tests.torture.conftest import Report

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("committed_sessions")]

_ROUNDS, _LONG_ROUNDS = 1, 100
_FILES = 15
_LATEST_S = 0.3


async def a_round(crowd: Crowd, chance: random.Random, contents: dict[bytes, str]) -> list[bytes]:
    """Send files, some of them alike in name, in bytes, or in both; give what was sent."""
    known = list(contents)
    names = [f"{chance.randrange(10**9)}.fits" for _ in range(3)]
    sent = []

    async def send(content: bytes) -> None:
        await asyncio.sleep(chance.uniform(0, _LATEST_S))
        await crowd.send(chance.choice(list(Way)), chance.choice(names), content, contents[content])

    async with asyncio.TaskGroup() as group:
        for _ in range(_FILES):
            content = chance.choice(known)
            sent.append(content)
            group.create_task(send(content))
    await crowd.settled()
    return sent


@pytest.mark.parametrize("pack", ["never", "now", "later"])
async def test_files_at_random(  # fixtures
    tmp_path: Path,
    database_url: str,
    offload: Offload,
    chance: random.Random,
    report: Report,
    pack: str,
    *,
    is_long: bool,
) -> None:
    if pack != "later" and not is_long:
        pytest.skip("part of the long run")
    settings = settings_in(
        tmp_path, database_url=database_url, settle_s=0.2, sweep_s=0.5, pack=pack
    )
    rounds = _LONG_ROUNDS if is_long else _ROUNDS
    contents = some_contents(tmp_path, 6 * rounds)
    sent: dict[bytes, str] = {}
    async with crowd_in(tmp_path, settings, offload) as crowd:
        for number in range(rounds):
            chosen = dict(list(contents.items())[6 * number : 6 * number + 6])
            for content in await a_round(crowd, chance, chosen):
                sent[content] = contents[content]
            await crowd.check(sent)
        said = Counter(f"{way} {said}" for way, said in crowd.told)
        states = Counter(str(arrival.state) for arrival in await crowd.arrivals())
    report(files=len(crowd.told), contents=len(sent), rounds=rounds, **states, told=dict(said))
