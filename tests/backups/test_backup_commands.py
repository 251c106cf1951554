"""`skyshelf backup`, `restore` and `reindex`, as an operator types them."""

import re
from pathlib import Path

import pytest

from app.bootstrap import prepare
from app.context import Factory
from app.core.errors import ConflictError
from app.core.paging import Window
from app.ingest.models import ArrivalState
from tests.support.commands import skyshelf
from tests.support.fits_files import make_fits
from tests.support.ingesting import filed, refused

pytestmark = pytest.mark.asyncio


def run(data: Path, *words: str, url: str = "", code: int = 0) -> str:
    """Run a command; return what it said."""
    settings = {"data_dir": data, **({"database_url": url} if url else {})}
    return "".join(skyshelf(*words, folder=data.parent, settings=settings, code=code))


@pytest.mark.timeout(240)
async def test_an_archive_moves_to_an_embedded_server(house: Factory, tmp_path: Path) -> None:
    for name in ("a", "b"):
        await filed(house, make_fits(house.settings.inbox / f"{name}.fits", OBJECT=name))
    url, data = house.settings.require_database_url(), house.settings.data_dir
    said = run(data, "backup", str(tmp_path / "backup"), url=url)
    assert "Backup: 3 files copied" in said
    assert "secret key" in said
    said = run(data, "backup", str(tmp_path / "backup"), "--check")  # needs no database
    assert "3 files are whole, 0 are not" in said
    (tmp_path / "backup/archive/tst/2026-11-18/b.fits").unlink()
    new = tmp_path / "new"
    said = run(new, "restore", str(tmp_path / "backup"), code=1)
    assert "2 frames, 2 versions" in said
    assert "missing: archive/tst/2026-11-18/b.fits" in said
    said = run(new, "restore", str(tmp_path / "backup"), code=2)
    assert re.search("is not empty, and a restore overwrites nothing", said)
    (new / "archive/tst/2026-11-18/a.fits").rename(new / "archive/tst/2026-11-18/c.fits")
    said = run(new, "reindex", "--dry-run")
    assert "Manifest: none" in said
    assert "0 stored files are in the catalogue, 1 are not" in said
    assert "tst/2026-11-18/c.fits: c" in said


async def test_a_data_folder_that_was_moved_finds_its_quarantine(
    house: Factory, tmp_path: Path
) -> None:
    (house.settings.inbox / "bad.fits").write_bytes(b"nothing")
    await refused(house, house.settings.inbox / "bad.fits")
    house.settings.data_dir.rename(tmp_path / "moved")
    moved = house.settings.model_copy(update={"data_dir": tmp_path / "moved"})
    await prepare(moved)
    (arrival,) = (await house.ingest.list(ArrivalState.QUARANTINED, Window())).items
    assert arrival.held_path is not None
    assert arrival.held_path.parent == moved.quarantine_dir
    assert arrival.held_path.read_bytes() == b"nothing"
    (moved.data_dir / "restoring.json").touch()
    with pytest.raises(ConflictError, match="was not finished"):
        await prepare(moved)
