"""Files on their way through the archive, in a process that may die at any step of it."""

import asyncio
import errno
import os
import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import ParamSpec, TypeVar

from typing_extensions import override

from app.cli.imports_run import adopter
from app.context import Factory
from app.core.clock import system_clock
from app.core.faults import arm_as_told
from app.core.identity import SYSTEM
from app.core.offload import Offload, Task
from app.db.engine import make_engine, make_sessions
from app.frames.announced import AnnouncedVersion, KnownVersionError
from app.frames.models import FrameQuery
from app.ingest.adopting import Adoption
from app.ingest.announcing import Posted
from app.ingest.models import NewArrival, Source
from app.ingest.publicity import Publicity
from app.storage.digests import digest_file
from tests.support.archive import a_client, an_archive, settings_in
from tests.support.fits_files import make_fits
from tests.support.ingesting import dropped, file_away
from worker.handlers import frame_handlers
from worker.runner import Runner

P = ParamSpec("P")
R = TypeVar("R")

Step = Callable[[Factory], Awaitable[None]]


class Leaping:
    """A clock that leaps: what is due later, and what dead processes held, is due at once."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return system_clock() + self._ahead

    def leap(self) -> None:
        self._ahead += timedelta(hours=1)


class HereAndNow(Offload):
    """Does the work of child processes in a thread: a process that dies soon needs no children."""

    @override
    async def call(self, task: Task[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.to_thread(task.resolve(), *args, **kwargs)


@dataclass(frozen=True)
class Journey:
    """A way of a file: what is there before, what is done, and what must have become of it."""

    act: Step
    prepare: Step
    frames: int = 1
    states: tuple[str, ...] = ("filed",)
    settings: Mapping[str, object] = field(default_factory=dict)
    has_links: bool = True
    again: Step | None = None
    """What the client does who got no answer; None where nobody needs to do anything."""


def start_and_die(journey: str, folder: Path, url: str, fault: str) -> None:
    """Go a way in this process, which was made for it, until a fault ends it."""
    asyncio.run(_go(JOURNEYS[journey], folder, url, fault))


async def _go(journey: Journey, folder: Path, url: str, fault: str) -> None:
    engine = make_engine(url, pool_size=4)
    archive = an_archive_of(journey, folder, url)
    if not journey.has_links:
        setattr(Path, "hardlink_to", _no_links)  # noqa: B010  # this process is to die
    await journey.prepare(archive)
    arm_as_told(fault)
    await journey.act(archive)
    await engine.dispose()


def an_archive_of(journey: Journey, folder: Path, url: str) -> Factory:
    """Put together the archive of a journey, with a clock that leaps."""
    settings = settings_in(folder, **{"pack": "never", **journey.settings})
    engine = make_engine(url, pool_size=4)
    offload = HereAndNow(processes=1, memory_bytes=4 << 30, timeout_s=60)
    return an_archive(settings, make_sessions(engine), engine, offload, Leaping())


async def finish(archive: Factory) -> None:
    """Do what a worker does that comes later: take what lies in the inbox, do every job."""
    runner = Runner(
        archive.jobs,
        frame_handlers(archive),
        concurrency=1,
        worker_name="test",
        poll_s=0.01,
    )
    await _sweep(archive)
    while await archive.jobs.count():
        assert isinstance(archive.clock, Leaping)
        archive.clock.leap()
        await runner._step()
        await asyncio.gather(*runner._running)
        await _sweep(archive)


async def _sweep(archive: Factory) -> None:
    for path in sorted(archive.settings.inbox.iterdir()):
        await archive.ingest.announce(dropped(path))


def _no_links(path: Path, target: Path) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM), str(path), None, str(target))


async def _nothing(_: Factory) -> None:
    """Begin with an empty archive."""


async def _good(archive: Factory) -> None:
    make_fits(archive.settings.inbox / "a.fits", shape=(256, 256))


async def _broken(archive: Factory) -> None:
    (archive.settings.inbox / "a.fits").write_bytes(b"no FITS file")


async def _second(archive: Factory) -> None:
    await _good(archive)
    shutil.copy(archive.settings.inbox / "a.fits", archive.settings.inbox / "b.fits")
    await file_away(archive, archive.settings.inbox / "a.fits")


async def _filed(archive: Factory) -> None:
    await _good(archive)
    await file_away(archive, archive.settings.inbox / "a.fits")


async def _quarantined(archive: Factory) -> None:
    await _good(archive)
    assert await archive.ingest.announce(dropped(archive.settings.inbox / "a.fits"))
    await archive.ingest.quarantine(1, "it looks strange")
    await finish(archive)


async def _sent_in_again(archive: Factory) -> None:
    await archive.ingest.retry(1)
    await finish(archive)


async def _vanishing(archive: Factory) -> None:
    path = archive.settings.inbox / "a.fits"
    assert await archive.ingest.announce(dropped(path))
    path.unlink()
    await finish(archive)


async def _user(archive: Factory) -> None:
    await archive.accounts.create_user("astro", "a password for the user", is_staff=True)
    make_fits(archive.settings.data_dir / "a.fits", shape=(256, 256))


async def _upload(archive: Factory) -> None:
    (user,) = (await archive.accounts.list_users())[:1]
    headers = {"Authorization": f"Token {await archive.accounts.token_of(user)}"}
    content = (archive.settings.data_dir / "a.fits").read_bytes()
    async with a_client(archive, **headers) as client:
        answer = await client.post("/frames/create/", files={"file": ("a.fits", content)})
        assert answer.status_code == 200, answer.text


async def _bulk(archive: Factory) -> None:
    path = archive.settings.data_dir / "a.fits"
    new = dropped(path)
    new = NewArrival(Source.BULK, new.filename, new.size_bytes, path, new.source_identity)
    if not await archive.ingest.was_settled(new):
        await archive.ingest.take_in(new)


async def _deposited(archive: Factory) -> None:
    make_fits(archive.settings.filestore / "tst" / "a.fits", shape=(256, 256))


async def _announce(archive: Factory) -> None:
    md5 = digest_file(archive.settings.filestore / "tst" / "a.fits").md5
    version = AnnouncedVersion(md5, md5, ".fits", ("tst/a.fits",))
    posted = Posted("a", {"OBJECT": "M67"}, {"observed_at": system_clock()}, (version,))
    try:
        await archive.announcing.announce(posted, SYSTEM)
    except KnownVersionError:
        assert (await archive.frames.search(FrameQuery(), SYSTEM)).count == 1


async def _adopt(archive: Factory) -> None:
    path = archive.settings.data_dir / "a.fits"
    digests = digest_file(path)
    adoption = Adoption(path, digests, "a", ".fits", Publicity(None), folder="old", frame_id=7)
    await adopter(archive).adopt(adoption)


JOURNEYS: Mapping[str, Journey] = {
    "inbox": Journey(finish, _good),
    "without links": Journey(finish, _good, has_links=False),
    "duplicate": Journey(finish, _second, states=("duplicate", "filed")),
    "broken": Journey(finish, _broken, frames=0, states=("quarantined",)),
    "vanishing": Journey(_vanishing, _good, frames=0, states=("discarded",)),
    "sent in again": Journey(_sent_in_again, _quarantined),
    "packed within": Journey(finish, _good, settings={"pack": "now"}),
    "packed later": Journey(finish, _filed, settings={"pack": "later"}),
    "upload": Journey(_upload, _user),
    "bulk": Journey(_bulk, _user, again=_bulk),
    "announced": Journey(_announce, _deposited, states=(), again=_announce),
    "adopted": Journey(_adopt, _user, states=(), again=_adopt),
}
