"""An archive comes back from a backup exactly as it was."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.backups.checking import check_backup
from app.backups.models import NotEmptyError
from app.backups.restoring import Restorer
from app.context import Factory
from app.core.identity import SYSTEM
from app.core.offload import Offload
from app.core.paging import Window
from app.ingest.models import ArrivalState
from tests.support.archive import a_client, settings_in
from tests.support.backing_up import Silence, an_empty_database, everything, opened_archive
from tests.support.fits_files import make_fits
from tests.support.ingesting import file_away, filed, refused

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def archive(tmp_path: Path, database_url: str, offload: Offload) -> AsyncIterator[Factory]:
    """Give an archive with a bit of everything."""
    url = await an_empty_database(database_url, "backed_up")
    async with opened_archive(tmp_path / "old", url, offload, secret_key=None) as made:
        await made.accounts.create_user("ada", "correct horse", is_staff=True)
        inbox = made.settings.inbox
        await filed(made, make_fits(inbox / "a.fits", wcs=True, OBJECT="first"))
        await filed(made, make_fits(inbox / "a.fits", OBJECT="second"))
        packed = await filed(made, make_fits(inbox / "b.fits", shape=(300, 300)))
        assert packed.current is not None
        await made.packing.pack(packed.current.id)
        gone = await filed(made, make_fits(inbox / "gone.fits", OBJECT="gone"))
        await made.removal.remove(gone.id, SYSTEM, "a test")
        (inbox / "bad.fits").write_bytes(b"SIMPLE  =                    T nothing else")
        await refused(made, inbox / "bad.fits")
        yield made


async def restored(root: Path, folder: Path, url: str) -> tuple[Restorer, int]:
    """Bring a backup back; return how many files have faults."""
    restorer = Restorer(settings_in(folder, secret_key=None, database_url=url), root)
    report = await restorer.bring_back(await restorer.begin(), url, watcher=Silence())
    return restorer, len(report.flaws)


async def test_all_that_can_be_asked_for_is_the_same_afterwards(
    archive: Factory, tmp_path: Path, database_url: str, offload: Offload
) -> None:
    token = await archive.accounts.log_in("ada", "correct horse")
    before = await everything(archive, token)
    async with a_client(archive, Authorization=f"Token {token}") as client:
        link = (await client.get("/frames/?limit=1")).json()["results"][0]["url"]
    report = await archive.backups.make(tmp_path / "backup", watcher=Silence())
    assert report.flaws == []
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "backup" / "secret-key").stat().st_mode & 0o777 == 0o600
    assert not (await check_backup(tmp_path / "backup", watcher=Silence())).flaws

    url = await an_empty_database(database_url, "brought_back")
    _, flaws = await restored(tmp_path / "backup", tmp_path / "new", url)
    assert flaws == 0
    archive.settings.data_dir.rename(tmp_path / "away")  # nothing of the old one is needed
    async with opened_archive(tmp_path / "new", url, offload, secret_key=None) as again:
        assert await everything(again, token) == before
        assert await again.accounts.log_in("ada", "correct horse") == token
        async with a_client(again) as client:
            answer = await client.get(link.replace("http://archive.test", ""))
            assert answer.status_code == 200
        await _quarantine_works(again)
        await _trash_works(again, token)
        await _numbers_go_on(again)


async def _quarantine_works(archive: Factory) -> None:
    (arrival, *_) = (await archive.ingest.list(ArrivalState.QUARANTINED, Window())).items
    assert arrival.held_path is not None
    assert arrival.held_path.parent == archive.settings.quarantine_dir
    make_fits(arrival.held_path, OBJECT="mended")
    await archive.ingest.retry(arrival.id)
    await archive.ingest.process(arrival.id)
    (arrival, *_) = (await archive.ingest.list(ArrivalState.FILED, Window())).items
    assert arrival.filename == "bad.fits"


async def _trash_works(archive: Factory, token: str) -> None:
    async with a_client(archive, Authorization=f"Token {token}") as client:
        (removed,) = (await client.get("/removed-frames/")).json()["results"]
        answer = await client.post(f"/removed-frames/{removed['id']}/restore/")
        assert answer.status_code == 200, answer.text
        found = (await client.get("/frames/?basename=gone")).json()["results"]
        assert (await client.get(f"/frames/{found[0]['id']}/download/")).status_code == 200


async def _numbers_go_on(archive: Factory) -> None:
    inbox = archive.settings.inbox
    arrival = await file_away(archive, make_fits(inbox / "c.fits", OBJECT="new"))
    assert arrival.state is ArrivalState.FILED
    same = await file_away(archive, make_fits(inbox / "x.fits", OBJECT="second"))
    assert same.state is ArrivalState.DUPLICATE


async def test_a_restore_overwrites_nothing(
    house: Factory, tmp_path: Path, database_url: str
) -> None:
    root = tmp_path / "backup"
    await house.backups.make(root, watcher=Silence())
    url = await an_empty_database(database_url, "brought_back")
    folder = tmp_path / "full" / "data"
    folder.mkdir(parents=True)
    (folder / "something").touch()
    with pytest.raises(NotEmptyError, match="is not empty"):
        await restored(root, tmp_path / "full", url)
    with pytest.raises(NotEmptyError, match="database is not empty"):
        await restored(root, tmp_path / "new", house.settings.require_database_url())
