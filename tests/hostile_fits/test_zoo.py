"""Hostile files through the real door: each ends as a frame, or in quarantine with a reason."""

import resource
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs
from structlog.typing import EventDict

from app.context import Factory
from app.core.offload import Offload
from app.db.engine import Sessions
from app.ingest.models import Arrival, ArrivalState
from tests.hostile_fits.zoo_data import TABLES, TILES, WRAPPED, bombs
from tests.hostile_fits.zoo_headers import CARDS, COORDINATES, STRUCTURES, Specimen, floods
from tests.support.archive import an_archive, settings_in
from tests.support.fits_files import make_fits
from tests.support.ingesting import file_away, filed
from tests.support.serving import Served, as_user, served

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(900)]

ZOO: dict[str, dict[str, Specimen]] = {
    "structures": STRUCTURES,
    "cards": CARDS,
    "coordinates": COORDINATES,
    "wrapped": WRAPPED,
    "tiles": TILES,
    "tables": TABLES,
}
MAX_GROWTH_KIB = 500 << 10
"""How much the parent may grow over all files of a test [KiB]."""
VIEWS = (
    "/frames/{id}/preview/?width=64",
    "/frames/{id}/headers/",
    "/frames/{id}/catalog/",
    "/archive/frame-funpack/{id}/funpack/",
)
MORE_VIEWS = (
    "/frames/{id}/preview/?width=600&format=jpeg&interval=minmax",
    "/frames/{id}/headers/?ext=1",
    "/frames/{id}/",
    "/thumbnails/{id}/",
    "/archive/frame-catalog/{id}/catalog/",
    "/pyobs/frames/{id}/download/",
)
LISTS = ("/frames/?limit=1000", "/frames/aggregate/", "/frames/?header__OBJECT=x", "/pyobs/frames/")


@dataclass
class House:
    """An archive that takes in a zoo, and whoever looks at it afterwards."""

    archive: Factory
    served: Served
    token: str
    is_long: bool


@pytest_asyncio.fixture
async def house(
    tmp_path: Path,
    committed_sessions: Sessions,
    engine: AsyncEngine,
    offload: Offload,
    *,
    is_long: bool,
) -> AsyncIterator[House]:
    settings = settings_in(tmp_path, path_formatter="{SITEID}/{INSTRUME}/{night}")
    archive = an_archive(settings, committed_sessions, engine, offload)
    async with served(archive) as opened:
        token = await opened.a_user("root", is_superuser=True)
        yield House(archive, opened, token, is_long)


def written(path: Path, specimen: Specimen) -> Path:
    with path.open("wb") as file:
        for piece in specimen():
            file.write(piece)
    return path


async def let_in(house: House, name: str, number: int, specimen: Specimen) -> Arrival:
    """Let a file in as the worker does, and hold what becomes of it to the promise."""
    path = written(house.archive.settings.inbox / f"specimen-{number:04}.fits", specimen)
    with capture_logs() as logs:
        arrival = await file_away(house.archive, path)
    check_logs(logs)
    assert not path.exists(), name
    if arrival.state is ArrivalState.FILED:
        return arrival
    assert arrival.state is ArrivalState.QUARANTINED, name
    assert arrival.reason, name
    assert arrival.reason.isprintable(), name
    assert str(house.archive.settings.data_dir) not in arrival.reason, name
    return arrival


def check_logs(logs: list[EventDict]) -> None:
    """No traceback."""
    for entry in logs:
        assert "exc_info" not in entry, entry
        assert entry["log_level"] not in {"error", "critical"}, entry


async def check_views(house: House, name: str, frame_id: int | None) -> None:
    """Ask for what is made of a frame; a refusal is fine, a fault is none."""
    for view in (*VIEWS, *(MORE_VIEWS if house.is_long else ())):
        answer = await house.served.client.get(
            view.format(id=frame_id), headers=as_user(house.token)
        )
        assert answer.status_code < 500, (name, view, answer.text)
        assert "Traceback" not in answer.text[:10_000], (name, view)


def most_memory_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


async def check_house(house: House) -> None:
    """The lists can be asked for, and sound files are filed as before."""
    for path in LISTS:
        answer = await house.served.client.get(path, headers=as_user(house.token))
        assert answer.status_code == 200, (path, answer.text[:500])
        answer.json()
    frame = await filed(house.archive, make_fits(house.archive.settings.inbox / "sound.fits"))
    assert frame.basename == "sound"


async def take_in(house: House, zoo: Mapping[str, Specimen], *, with_views: bool) -> None:
    """Let all in, look at what became frames, and hold the parent to little memory."""
    before_kib = most_memory_kib()
    for number, (name, specimen) in enumerate(zoo.items()):
        arrival = await let_in(house, name, number, specimen)
        if arrival.state is ArrivalState.FILED and with_views:
            await check_views(house, name, arrival.frame_id)
    assert most_memory_kib() - before_kib < MAX_GROWTH_KIB
    await check_house(house)


def chosen(house: House, kind: str, every: int) -> dict[str, Specimen]:
    """Give a part of the zoo; the short form takes some of the many."""
    names = list(ZOO[kind])[:: 1 if house.is_long else every]
    return {name: ZOO[kind][name] for name in names}


@pytest.mark.parametrize(
    ("kind", "every"), [("structures", 2), ("tiles", 4), ("tables", 2), ("wrapped", 1)]
)
async def test_hostile_data_are_filed_or_refused(house: House, kind: str, every: int) -> None:
    await take_in(house, chosen(house, kind, every), with_views=True)


@pytest.mark.parametrize(("kind", "every"), [("cards", 10), ("coordinates", 2)])
async def test_hostile_cards_are_filed_or_refused(house: House, kind: str, every: int) -> None:
    await take_in(house, chosen(house, kind, every), with_views=house.is_long)


async def test_floods_take_little_memory(house: House) -> None:
    await take_in(house, floods(share=1 if house.is_long else 10), with_views=True)


async def test_bombs_of_gzip_take_little_memory(house: House) -> None:
    size_bytes = 10_000_000_000 if house.is_long else 50_000_000
    await take_in(house, bombs(size_bytes), with_views=True)
