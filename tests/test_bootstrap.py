"""The first start makes an admin, once."""

import stat
from pathlib import Path

import pytest

from app.accounts.service import AccountService
from app.bootstrap import prepare
from app.core.clock import system_clock
from app.db.engine import Sessions
from tests.support.archive import settings_in

pytestmark = pytest.mark.asyncio


async def test_a_password_is_generated_and_kept(
    tmp_path: Path, database_url: str, committed_sessions: Sessions
) -> None:
    settings = settings_in(tmp_path, database_url=database_url)
    first = await prepare(settings)
    assert first.sample_wanted
    assert first.admin_password is not None
    file = settings.admin_password_file
    assert file.read_text().strip() == first.admin_password
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = await prepare(settings)
    assert again.admin_password is None
    accounts = AccountService(committed_sessions, secret_key=settings.secret(), clock=system_clock)
    token = await accounts.log_in("admin", first.admin_password)
    caller = await accounts.caller_for_token(token)
    assert caller.is_superuser


async def test_no_sample_goes_beside_files_whose_database_was_lost(
    tmp_path: Path, database_url: str, committed_sessions: Sessions
) -> None:
    del committed_sessions  # clears the database
    settings = settings_in(tmp_path, database_url=database_url)
    settings.make_folders()
    (settings.archive_dir / ".manifest").mkdir()
    assert (await prepare(settings)).sample_wanted
    (settings.archive_dir / "tst").mkdir()
    assert not (await prepare(settings)).sample_wanted


async def test_a_given_password_is_not_written_down(
    tmp_path: Path, database_url: str, committed_sessions: Sessions
) -> None:
    settings = settings_in(
        tmp_path,
        database_url=database_url,
        admin_username="chief",
        admin_password="correct horse",  # noqa: S106  # of a test
        sample_frames=0,
    )
    prepared = await prepare(settings)
    assert prepared.admin_password is None
    assert not prepared.sample_wanted
    assert not settings.admin_password_file.exists()
    accounts = AccountService(committed_sessions, secret_key=settings.secret(), clock=system_clock)
    assert len(await accounts.log_in("chief", "correct horse")) == 40
