"""Imports of archives with broken rows, and imports into an archive in use."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from app.context import Factory
from app.core.offload import Offload
from app.db.engine import Sessions
from app.imports.models import Fate
from app.imports.pyobs import PyobsImport
from tests.imports.test_import_pyobs import an_old_archive, fates, run
from tests.support.archive import an_archive, settings_in

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def archive(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> Factory:
    return an_archive(settings_in(tmp_path), committed_sessions, engine, offload)


BROKEN: dict[str, dict[str, Any]] = {
    "nowhere": {"path": sqlite3.Binary(b"x")},
    "night": {"night": "0000-00-00"},
    "moment": {"DATE_OBS": "once"},
    "exposure": {"EXPTIME": "long"},
    "width": {"width": "wide"},
    "huge": {"width": 2**62},
    "position": {"TEL_RA": "east", "TEL_DEC": "north"},
    "beyond": {"TEL_RA": 10.0, "TEL_DEC": 123.0},
    "binning": {"XBINNING": 2**40},
    "number": {"REQNUM": 4711},
    "bytes": {"OBJECT": sqlite3.Binary(b"\xff\x00")},
    "text": {"SITEID": "x\x00y"},
}


async def test_a_broken_row_is_named_and_the_rest_goes_on(archive: Factory, tmp_path: Path) -> None:
    old = an_old_archive(tmp_path / "old")
    for number, name in enumerate(BROKEN, 4000):
        old.frame(number, name)
    url = old.write_sqlite(tmp_path / "db.sqlite3")
    with closing(sqlite3.connect(tmp_path / "db.sqlite3")) as database:
        for name, values in BROKEN.items():
            for column, value in values.items():
                database.execute(
                    f'UPDATE api_frame SET "{column}" = ? WHERE basename = ?',  # noqa: S608  # a test's
                    (value, name),
                )
        database.commit()
    for _ in range(2):
        became = fates(await run(archive, url, old.root))
        assert became["frame 7 bias-1"] in {Fate.IMPORTED, Fate.KNOWN}
        assert became["frame 4711 science-1"] in {Fate.IMPORTED, Fate.KNOWN}
        named = {what.rpartition(" ")[2]: fate for what, fate in became.items()}
        assert named.keys() >= BROKEN.keys()
        assert {name for name, fate in named.items() if fate is Fate.FAILED} == {"nowhere"}


async def test_a_frame_that_is_removed_while_it_is_remembered(
    archive: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = an_old_archive(tmp_path / "old")
    url = old.write_sqlite(tmp_path / "db.sqlite3")
    remember = PyobsImport._remember

    async def removed(self: PyobsImport, source: str, frame: Any, imported: Any) -> None:  # noqa: ANN401  # as given
        if frame.id == 7:
            from app.core.identity import SYSTEM  # noqa: PLC0415  # here alone

            await archive.removal.remove(7, SYSTEM)
        await remember(self, source, frame, imported)

    monkeypatch.setattr(PyobsImport, "_remember", removed)
    became = fates(await run(archive, url, old.root))
    assert became["frame 4711 science-1"] is Fate.IMPORTED
    again = fates(await run(archive, url, old.root))
    assert again["frame 7 bias-1"] is Fate.REMOVED
