"""Several workers and APIs over one archive, and every way into it, for tests."""

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import create_async_engine

from app.cli.bulk import Result, import_files
from app.context import Factory
from app.core.offload import Offload
from app.core.paging import Window
from app.db.engine import make_sessions, transaction
from app.db.tables import FileRow, FrameRow, FrameVersionRow, HeaderValueRow, JobRow
from app.ingest.models import PACK_JOB, Arrival
from app.settings import Settings
from tests.support.archive import an_archive
from tests.support.fits_files import make_fits
from tests.support.lco import Lco
from tests.support.lco_ingester import a_post, a_version, send
from tests.support.serving import Served, as_user, served
from worker.main import work


class Way(StrEnum):
    """A way by which a file comes in."""

    INBOX = "inbox"
    UPLOAD = "upload"
    PYOBS = "pyobs"
    BULK = "bulk"
    ANNOUNCED = "announced"


@dataclass(frozen=True)
class Stored:
    """A version as the database has it, with its frame and its file."""

    frame: FrameRow
    version: FrameVersionRow
    file: FileRow


@dataclass
class Crowd:
    """What several processes hold of one archive, and what those who sent files were told."""

    apis: tuple[Served, ...]
    folder: Path
    token: str
    told: list[tuple[Way, str]] = field(default_factory=list)
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(10))

    @property
    def archive(self) -> Factory:
        """One of them."""
        return self.apis[0].archive

    @property
    def settings(self) -> Settings:
        """Of all of them."""
        return self.archive.settings

    async def send(self, way: Way, name: str, content: bytes, target: str = "M67") -> None:
        """Send a file in, and note what the sender is told."""
        number = next(self.numbers)
        api = self.apis[number % len(self.apis)]
        if way is Way.INBOX:
            path = self._outside(number, name, content)
            path.parent.rename(self.settings.inbox / f"{number}")
            said = "nothing"
        elif way is Way.BULK:
            said = await self._import(api, self._outside(number, name, content))
        elif way is Way.ANNOUNCED:
            said = await self._announce(api, number, name, content, target)
        else:
            said = await self._upload(api, way, name, content)
        self.told.append((way, said))

    def _outside(self, number: int, name: str, content: bytes) -> Path:
        path = self.folder / f"outside/{number}" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        return path

    async def _import(self, api: Served, path: Path) -> str:
        results: list[Result] = []
        door, stop = api.archive.ingest, asyncio.Event()
        await import_files(door, [path], concurrency=1, stop=stop, tell=results.append)
        return f"{results[0].fate} {results[0].reason}".strip()

    async def _upload(self, api: Served, way: Way, name: str, content: bytes) -> str:
        path = "/frames/create/" if way is Way.UPLOAD else "/pyobs/frames/create/"
        answer = await api.client.post(
            path, files={"file": (name, content)}, headers=as_user(self.token)
        )
        body = answer.json()
        if way is Way.PYOBS:
            return f"{answer.status_code} {body['created']} {body.get('errors', '')}".strip()
        assert answer.status_code in {200, 201}, answer.text
        return str(body["results"][0]["state"])

    async def _announce(
        self, api: Served, number: int, name: str, content: bytes, target: str
    ) -> str:
        """Put a file into the file store of a client, at a place of its own, and describe it."""
        basename, dot, extension = name.partition(".")
        place = self.settings.filestore / f"tst/fa{number}/20190914/raw" / name
        place.parent.mkdir(parents=True)
        place.write_bytes(content)
        version = a_version(content, extension=f"{dot}{extension}")
        body = a_post(
            basename,
            version_set=[version],
            instrument_id=f"fa{number}",
            target_name=target,
        )
        answer = await send(Lco(api), "frames/", self.token, body)
        assert answer.status_code in {201, 400}, answer.text
        return "filed" if answer.status_code == 201 else f"refused {sorted(answer.json())}"

    async def arrivals(self) -> tuple[Arrival, ...]:
        """Give all files that came in but those that were announced."""
        return (await self.archive.ingest.list(None, Window(limit=10_000))).items

    async def settled(self, within_s: float = 100) -> None:
        """Wait until all that was sent came to an end."""
        async with asyncio.timeout(within_s):
            while not await self._is_settled():  # noqa: ASYNC110  # disk and database are asked
                await asyncio.sleep(0.1)

    async def _is_settled(self) -> bool:
        if any(path.is_file() for path in self.settings.inbox.rglob("*")):
            return False
        if any(each.state.is_open for each in await self.arrivals()):
            return False
        waiting = select(func.count()).select_from(JobRow).where(JobRow.kind == PACK_JOB)
        async with transaction(self.archive.sessions) as session:
            return not (await session.execute(waiting)).scalar_one()

    async def stored(self) -> list[Stored]:
        """Give all versions, in the order of their numbers."""
        selected = (
            select(FrameRow, FrameVersionRow, FileRow)
            .join(FrameVersionRow, FrameVersionRow.frame_id == FrameRow.id)
            .join(FileRow, FileRow.id == FrameVersionRow.file_id)
            .order_by(FrameVersionRow.id)
        )
        async with transaction(self.archive.sessions) as session:
            return [Stored(*row) for row in await session.execute(selected)]

    async def check(self, sent: Mapping[bytes, str]) -> list[Stored]:
        """See that every content is stored once and whole, and that nothing else lies about.

        Parameters
        ----------
        sent
            Content -> what its header calls the target.

        Returns
        -------
        list of Stored
            All versions.
        """
        versions = await self.stored()
        digests = {hashlib.sha256(content).hexdigest(): target for content, target in sent.items()}
        assert sorted(v.version.received_sha256 or "" for v in versions) == sorted(digests)
        frames = {v.version.received_sha256: v.frame.id for v in versions}
        for arrival in await self.arrivals():
            assert arrival.state in {"filed", "duplicate"}, (arrival.filename, arrival.reason)
            assert arrival.frame_id == frames[arrival.sha256]
        self._check_disk(versions)
        _check_order(versions, digests)
        await self._check_cards()
        return versions

    async def _check_cards(self) -> None:
        """See that frames are found by the cards of their newest version, and no others."""
        card = HeaderValueRow
        selected = select(FrameRow.object_name, card.text).join(card, card.frame_id == FrameRow.id)
        async with transaction(self.archive.sessions) as session:
            found = await session.execute(selected.where(card.keyword == "OBJECT"))
            assert all(target in {name, "M67"} for name, target in found)

    def _check_disk(self, versions: list[Stored]) -> None:
        root = self.settings.archive_dir
        there = {
            path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in root.rglob("*")
            if path.is_file()
        }
        rows = {v.file.key: v.file.sha256 for v in versions}
        assert len(rows) == len(versions)
        assert len(set(rows.values())) == len(rows), "the same bytes are stored twice"
        assert there.items() >= rows.items()
        # An original that was packed stays for ten minutes, for those who were told its path.
        originals = {v.version.received_sha256 for v in versions if v.file.name.endswith(".fz")}
        assert {there[key] for key in there.keys() - rows.keys()} <= originals
        assert [path.name for path in self.settings.spool_dir.iterdir()] == []
        assert [path.name for path in self.settings.quarantine_dir.iterdir()] == []


def _check_order(versions: list[Stored], targets: Mapping[str, str]) -> None:
    """See that numbers and times agree, and that the facts are those of the newest version."""
    for frame_id in {v.frame.id for v in versions}:
        of_frame = [v for v in versions if v.frame.id == frame_id]
        times = [v.version.created_at for v in of_frame]
        assert times == sorted(times)
        newest = of_frame[-1]
        assert newest.frame.object_name == targets[newest.version.received_sha256 or ""]


def some_contents(folder: Path, count: int) -> dict[bytes, str]:
    """Make FITS files of one night that differ in their target: content -> target."""
    made = folder / "made.fits"
    targets = [f"target {number}" for number in range(count)]
    return {
        make_fits(made, shape=(128, 96), OBJECT=target).read_bytes(): target for target in targets
    }


@asynccontextmanager
async def crowd_in(
    folder: Path, settings: Settings, offload: Offload, *, size: int = 3
) -> AsyncIterator[Crowd]:
    """Open one archive several times, each with a worker and an API of its own."""
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        apis = []
        for _ in range(size):
            engine = create_async_engine(settings.require_database_url(), pool_size=8)
            stack.push_async_callback(engine.dispose)
            archive = an_archive(settings, make_sessions(engine), engine, offload)
            stack.push_async_callback(archive.jobs.close)
            apis.append(await stack.enter_async_context(served(archive)))
        token = await apis[0].a_user("root", is_superuser=True)
        working = [asyncio.create_task(work(api.archive, stop)) for api in apis]
        try:
            yield Crowd(tuple(apis), folder, token)
        finally:
            stop.set()
            await asyncio.wait_for(asyncio.gather(*working), 60)
