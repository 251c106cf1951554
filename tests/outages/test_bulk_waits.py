"""A bulk import on a full disk stops with a clear message, and goes on when it is called again."""

import asyncio
import errno
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from app.cli.bulk import Fate, Result, import_files
from app.context import Factory
from app.core.errors import UnavailableError
from app.core.offload import Offload
from app.db.engine import Sessions
from app.storage import volumes
from tests.support.archive import an_archive, settings_in
from tests.support.fits_files import make_fits
from tests.support.refusing_disks import refuse_writing


@pytest.fixture
def archive(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> Factory:
    settings = settings_in(tmp_path, min_free_bytes=0)
    return an_archive(settings, committed_sessions, engine, offload)


async def import_all(archive: Factory, files: list[Path]) -> Counter[Fate]:
    results: list[Result] = []
    try:
        await import_files(
            archive.ingest,
            files,
            concurrency=1,
            stop=asyncio.Event(),
            tell=results.append,
            volumes=archive.volumes,
        )
    finally:
        fates = Counter(result.fate for result in results)
    return fates


@pytest.mark.asyncio
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
async def test_the_import_stops_and_goes_on(
    archive: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(volumes, "_BAD_FOR_S", 0.0)
    files = [make_fits(tmp_path / "old" / f"tst-{n}.fits", OBJECT=str(n)) for n in range(3)]
    refusing = refuse_writing(monkeypatch, archive.settings.archive_dir, number)
    with pytest.raises(UnavailableError, match="call the same command again"):
        await import_all(archive, files)
    assert await archive.jobs.count() <= 1
    refusing.is_on = False
    assert await import_all(archive, files) == {Fate.FILED: 3}
