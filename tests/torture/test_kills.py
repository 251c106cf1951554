"""Killed at random, again and again: in the end every file is once a frame or in quarantine."""

import asyncio
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.context import process_context
from app.core.errors import UnavailableError
from app.db.engine import Sessions
from tests.support.leftovers import check_findings, leftovers, verified
from tests.torture.conftest import Report
from tests.torture.killing.house import House, a_house
from tests.torture.killing.sent import Sent, Uploads, drop, make_files
from tests.torture.killing.verdict import (
    Catalogue,
    check_dropped,
    check_quarantine,
    check_stored,
    check_unknown,
    check_uploads,
    is_at_rest,
    read_catalogue,
)

_PATIENCE_S = 1200.0
_PATIENCE_WITH_WORK_S = 8.0


@dataclass(frozen=True)
class Plan:
    """How hard the archive is hit."""

    kills: int
    files: int
    uploads: int
    workers: int
    lease_s: float
    longest_pause_s: float
    """Between the moment when somebody files something, and the kill [s]."""


SHORT = Plan(kills=6, files=18, uploads=6, workers=1, lease_s=1, longest_pause_s=0.5)
LONG = Plan(kills=300, files=600, uploads=150, workers=3, lease_s=3, longest_pause_s=0.5)


def test_no_file_is_lost_whatever_is_killed(
    tmp_path: Path, chance: random.Random, report: Report, *, is_long: bool
) -> None:
    plan = LONG if is_long else SHORT
    dropped = make_files(tmp_path, plan.files, chance, "inbox")
    uploads = make_files(tmp_path, plan.uploads, chance, "upload")
    folder, log = tmp_path / "data", tmp_path / "log"
    with a_house(folder, log, chance, workers=plan.workers, lease_s=plan.lease_s) as house:
        pause_s = 2 * plan.kills / plan.uploads
        client = Uploads(house, uploads, longest_pause_s=pause_s)
        begun_s = time.monotonic()
        with _sending(client):
            _attack(house, dropped, plan, chance)
            house.calm()
            client.longest_pause_s = 0
            attacked_s = time.monotonic() - begun_s
            _until_all_is_sent(house, client)
        asyncio.run(_wait_and_judge(house, dropped, client, report, attacked_s))
        house.stop()
        assert house.left_behind() == []


@contextmanager
def _sending(client: Uploads) -> Iterator[None]:
    """Let a client send meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(client.run)
        try:
            yield
        finally:
            client.stop.set()
            sending.result()


def _until_all_is_sent(house: House, client: Uploads) -> None:
    end_s = time.monotonic() + _PATIENCE_S
    while len(client.answered) + len(client.unanswered) < len(client.files):
        assert time.monotonic() < end_s, "the uploads do not come to an end"
        house.look_after()
        time.sleep(0.2)


def _attack(house: House, dropped: list[Sent], plan: Plan, chance: random.Random) -> None:
    """Kill at random until it is enough, most often while files have just come in."""
    waiting = list(enumerate(dropped))
    share = max(1, plan.files // plan.kills)
    while house.kills.total() < plan.kills or waiting:
        for number, file in waiting[:share]:
            drop(house, file, number, chance)
        del waiting[:share]
        house.look_after()
        house.wait_for_a_move(_PATIENCE_WITH_WORK_S)
        time.sleep(chance.uniform(0, plan.longest_pause_s))
        if house.kills.total() < plan.kills:
            house.strike()


async def _wait_and_judge(
    house: House, dropped: list[Sent], client: Uploads, report: Report, attacked_s: float
) -> None:
    begun_s = time.monotonic()
    async with process_context(house.settings) as archive:
        await _until_at_rest(house, archive.sessions)
        rested_s = time.monotonic() - begun_s
        catalogue = await read_catalogue(archive.sessions, archive.settings.archive_dir)
        found = check_findings(await leftovers(archive), await verified(archive))
    report(
        kills=house.kills.total(),
        by_target=dict(house.kills),
        freezes=house.freezes,
        points=dict(house.points),
        attacked_s=round(attacked_s),
        at_rest_after_s=round(rested_s),
        dropped=len(dropped),
        uploads_answered=len(client.answered),
        uploads_unanswered=len(client.unanswered),
        frames=catalogue.frames,
        versions=len(catalogue.files),
        quarantined=len(catalogue.quarantined),
        unknown_keys=len(catalogue.unknown_keys()),
        left_behind_and_named=dict(found),
        sound_files_in_quarantine=_judge(catalogue, dropped, client),
    )


def _judge(catalogue: Catalogue, dropped: list[Sent], client: Uploads) -> int:
    check_stored(catalogue)
    check_quarantine(catalogue)
    check_uploads(catalogue, client)
    check_unknown(catalogue, [*dropped, *client.files])
    return check_dropped(catalogue, dropped)


async def _until_at_rest(house: House, sessions: Sessions) -> None:
    """Wait, with nobody's help but that of those who restart what has died."""
    async with asyncio.timeout(_PATIENCE_S):
        while not await _is_at_rest(house, sessions):
            house.look_after()
            await asyncio.sleep(0.5)


async def _is_at_rest(house: House, sessions: Sessions) -> bool:
    try:
        return await is_at_rest(sessions, house.inbox)
    except UnavailableError:
        return False
