"""Another archive comes in by its LCO API, over a line that breaks and from a server that dies."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from app.cli.imports_lco import lco_import
from app.context import Factory
from app.core.errors import UnavailableError
from app.core.identity import ANONYMOUS, SYSTEM
from app.core.offload import Offload
from app.db.engine import Sessions
from app.frames.models import Frame, FrameQuery
from app.imports.lco import LcoOptions
from app.imports.lco_client import LcoClient
from app.imports.models import Fate, Result
from app.imports.patience import Patience
from tests.support.archive import a_client, an_archive, settings_in
from tests.support.commands import House
from tests.support.fits_files import make_fits
from tests.support.second_archive import SecondArchive, second_archive

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(180)]

SHAPE = (512, 400)
FILE_BYTES = 512 * 400 * 2


@pytest_asyncio.fixture
async def archive(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> Factory:
    return an_archive(settings_in(tmp_path / "mine"), committed_sessions, engine, offload)


@pytest_asyncio.fixture
async def other(
    tmp_path: Path, database_url: str, offload: Offload
) -> AsyncIterator[SecondArchive]:
    """Serve four frames: public, proprietary, internal, one with a relation and two versions."""
    async with second_archive(tmp_path / "other", database_url, offload) as second:
        folder = tmp_path / "files"
        past, future = "2020-01-01T00:00:00", "2099-01-01T00:00:00"
        cards: dict[str, Any] = {"PROPID": "prop-1", "L1PUBDAT": past}
        await second.file(make_fits(folder / "bias.fits", shape=SHAPE, OBJECT="b", **cards))
        cards |= {"L1IDBIAS": "bias.fits", "RLEVEL": 91}
        await second.file(make_fits(folder / "science.fits", shape=SHAPE, **cards))
        await second.file(make_fits(folder / "new" / "science.fits", **cards))
        await second.file(make_fits(folder / "hers.fits", PROPID="prop-2", L1PUBDAT=future))
        await second.file(make_fits(folder / "internal.fits"))
        await second.start()
        yield second


async def token_there(other: SecondArchive) -> str:
    accounts = other.archive.accounts
    user = await accounts.create_user("root", "has a password", is_superuser=True)
    return await accounts.token_of(user)


async def run(
    archive: Factory,
    other: SecondArchive,
    *,
    token: str | None = None,
    stop: asyncio.Event | None = None,
    stop_after: int | None = None,
    attempts: int = 6,
    mount: str = "",
    **options: object,
) -> list[Result]:
    """Import once; tell what became of each."""
    results: list[Result] = []
    stopping = stop or asyncio.Event()

    def tell(result: Result) -> None:
        results.append(result)
        if len(results) == stop_after:
            stopping.set()

    async def no_time(_: float) -> None:
        await asyncio.sleep(0.05)

    chosen = LcoOptions(other.url, **options)  # type: ignore[arg-type]
    async with httpx.AsyncClient(base_url=f"{other.url}{mount}/", timeout=20) as http:
        client = LcoClient(http, token=token, patience=Patience(no_time, attempts))
        await lco_import(archive, client).import_frames(chosen, stop=stopping, tell=tell)
    return results


def fates(results: list[Result]) -> dict[str, Fate]:
    return {result.what.rpartition(" ")[2]: result.fate for result in results}


async def frames(archive: Factory) -> dict[str, Frame]:
    page = await archive.frames.search(FrameQuery(), SYSTEM)
    return {frame.basename: frame for frame in page.items}


def digests(archive: Factory, frame: Frame) -> list[str]:
    """Digests of the stored files themselves, newest first."""
    found = []
    for version in frame.versions:
        assert version.stored is not None
        content = archive.store.path(version.stored.key).read_bytes()
        found.append(hashlib.sha256(content).hexdigest())
    return found


async def assert_equal(archive: Factory, other: SecondArchive) -> None:
    mine, theirs = await frames(archive), await frames(other.archive)
    assert mine.keys() == theirs.keys()
    for name, frame in theirs.items():
        assert digests(archive, mine[name]) == digests(other.archive, frame), name
        assert mine[name].facts == frame.facts
    related = {mine["bias"].id}
    assert set(mine["science"].related) == related


async def test_metadata_files_versions_and_access_are_the_same(
    archive: Factory, other: SecondArchive
) -> None:
    token = await token_there(other)
    results = await run(archive, other, token=token)
    assert set(fates(results).values()) == {Fate.IMPORTED}
    assert len(results) == 4
    await assert_equal(archive, other)
    assert len((await frames(archive))["science"].versions) == 2
    public = await archive.frames.search(FrameQuery(), ANONYMOUS)
    assert {frame.basename for frame in public.items} == {"bias", "science"}
    assert list(archive.settings.spool_dir.iterdir()) == []

    again = await run(archive, other, token=token)
    assert set(fates(again).values()) == {Fate.KNOWN}
    assert len(again) == 4


async def test_what_the_token_does_not_open_is_not_there(
    archive: Factory, other: SecondArchive
) -> None:
    assert fates(await run(archive, other)) == {"bias": Fate.IMPORTED, "science": Fate.IMPORTED}


async def test_filters_and_dry_runs(archive: Factory, other: SecondArchive) -> None:
    results = await run(archive, other, filters={"RLEVEL": "91"}, dry=True)
    assert fates(results) == {"science": Fate.PLANNED}
    assert await frames(archive) == {}


async def test_numbers_can_be_kept(archive: Factory, other: SecondArchive) -> None:
    results = await run(archive, other, keep_ids=True)
    assert Fate.FAILED not in fates(results).values()
    theirs = await frames(other.archive)
    assert {name: frame.id for name, frame in (await frames(archive)).items()} == {
        name: theirs[name].id for name in ("bias", "science")
    }


async def test_a_broken_line_is_mended_and_no_byte_sent_twice(
    archive: Factory, other: SecondArchive
) -> None:
    token = await token_there(other)
    other.line.cuts = [200_000, 100_000, 300_000, 150_000, 50, 250_000]
    results = await run(archive, other, token=token)
    assert set(fates(results).values()) == {Fate.IMPORTED}
    assert other.line.cuts == []
    await assert_equal(archive, other)
    whole_bytes = sum(
        version.stored.size_bytes
        for frame in (await frames(archive)).values()
        for version in frame.versions
        if version.stored
    )
    assert other.line.sent_bytes < whole_bytes + 6 * 32_768 + 100_000


async def test_a_server_that_dies_ends_the_run_and_the_next_one_goes_on(
    archive: Factory, other: SecondArchive
) -> None:
    token = await token_there(other)
    other.line.cuts = [300_000] * 4

    async def die() -> None:
        await other.line.reached(250_000)
        other.kill()

    dying = asyncio.create_task(die())
    first: list[Result] = []
    try:
        first = await run(archive, other, token=token, attempts=3)
    except UnavailableError as error:
        assert "call the same command again" in error.message or "answer" in error.message  # noqa: PT017  # may not be raised
    await dying
    assert Fate.FAILED in fates(first).values() or not first
    left = [path for path in archive.settings.spool_dir.iterdir() if path.name.endswith(".part")]
    assert left
    other.line.cuts = []
    await other.start()
    results = await run(archive, other, token=token)
    assert Fate.FAILED not in fates(results).values()
    await assert_equal(archive, other)
    assert list(archive.settings.spool_dir.iterdir()) == []


async def test_a_stop_lets_frames_under_way_finish(archive: Factory, other: SecondArchive) -> None:
    token = await token_there(other)
    first = await run(archive, other, token=token, stop_after=1)
    assert 1 <= len(first) <= 4
    await run(archive, other, token=token)
    await assert_equal(archive, other)


async def test_other_bytes_than_announced_are_refused(
    archive: Factory, other: SecondArchive
) -> None:
    bias = (await frames(other.archive))["bias"]
    assert bias.current is not None
    assert bias.current.stored is not None
    path = other.archive.store.path(bias.current.stored.key)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.unlink()
    path.write_bytes(content)
    results = await run(archive, other)
    (failure,) = [result for result in results if result.fate is Fate.FAILED]
    assert failure.what.endswith("bias")
    assert failure.title == "Wrong checksum"
    assert list(archive.settings.spool_dir.iterdir()) == []


async def test_metadata_come_first_and_files_later(archive: Factory, other: SecondArchive) -> None:
    token = await token_there(other)
    results = await run(archive, other, token=token, metadata_only=True)
    assert set(fates(results).values()) == {Fate.IMPORTED}
    mine, theirs = await frames(archive), await frames(other.archive)
    assert mine.keys() == theirs.keys()
    for name, frame in mine.items():
        assert [v.stored for v in frame.versions] == [None] * len(theirs[name].versions)
        assert [v.announced_md5 for v in frame.versions] == [v.md5 for v in theirs[name].versions]
        assert frame.facts == theirs[name].facts
    assert set(mine["science"].related) == {mine["bias"].id}
    async with a_client(archive) as client:
        url = f"/frames/{mine['bias'].id}/"
        assert (await client.get(url)).json()["basename"] == "bias"
        assert (await client.get(f"{url}download/")).status_code == 404
    again = await run(archive, other, token=token, metadata_only=True)
    assert set(fates(again).values()) == {Fate.KNOWN}

    await run(archive, other, token=token)
    await assert_equal(archive, other)
    assert {n: f.id for n, f in (await frames(archive)).items()} == {
        n: f.id for n, f in mine.items()
    }


async def test_the_strict_mount_is_read_as_well(archive: Factory, other: SecondArchive) -> None:
    token = await token_there(other)
    results = await run(archive, other, token=token, mount="/archive")
    assert set(fates(results).values()) == {Fate.IMPORTED}
    await assert_equal(archive, other)


async def test_the_command_itself(
    archive: Factory, other: SecondArchive, tmp_path: Path, database_url: str
) -> None:
    house = House(tmp_path / "mine", database_url)
    archive.settings.data_dir.rename(tmp_path / "mine" / "var")
    command = ("import", "lco", other.url, "--token", await token_there(other))
    said, _ = await asyncio.to_thread(house.run, *command)
    assert said[0].endswith(": 4 imported")
    said, _ = await asyncio.to_thread(house.run, *command, "--since", "2026-11-19")
    assert said[0].endswith(": 4 known")
    other.kill()
