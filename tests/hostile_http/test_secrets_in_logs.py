"""A real process, everything that is secret sent through it, and its logs searched for that."""

import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.errors import InvalidError
from app.core.offload import Offload
from app.db.engine import Sessions
from app.settings import load_settings
from tests.support.archive import an_archive, settings_in
from tests.support.frames import FUTURE, a_frame
from tests.support.long_run import LONG_ONLY
from tests.support.raw_http import ask_raw
from tests.support.running_archive import ROOT, environment_of, free_port, until

PASSWORD = "Passw0rd-that-is-in-no-log"  # noqa: S105  # of a test user
WRONG = "Wr0ng-that-is-in-no-log"
DATABASE_PASSWORD = "D4tabase-that-is-in-no-log"  # noqa: S105  # of no database
SECRET_KEY = "k3y-that-is-in-no-log-" + "k" * 20
TIMEOUT_S = 60


@dataclass(frozen=True)
class Known:
    """What an attacker would like to find in a log."""

    token: str
    frame_id: int


@pytest_asyncio.fixture
async def known(
    tmp_path: Path, committed_sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> Known:
    settings = settings_in(tmp_path, secret_key=SECRET_KEY)
    archive = an_archive(settings, committed_sessions, engine, offload)
    user = await archive.accounts.create_user("keeper", PASSWORD, is_superuser=True)
    made = await a_frame(committed_sessions, store=archive.store, public_at=FUTURE)
    return Known(await archive.accounts.token_of(user), made.id)


@contextmanager
def serving(folder: Path, url: str, log: Path, **settings: object) -> Iterator[tuple[int, int]]:
    """Run `skyshelf serve`, most talkative; give port and process."""
    port = free_port()
    environment = environment_of(
        data_dir=folder / "data",
        database_url=url,
        port=port,
        api_workers=1,
        child_processes=1,
        secret_key=SECRET_KEY,
        log_level="debug",
        http_root=f"http://127.0.0.1:{port}",
        **settings,
    )
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "serve"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield port, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=TIMEOUT_S)


def is_up(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/live/").status_code == 200
    except httpx.TransportError:
        return False


def spend_secrets(port: int, known: Known) -> list[str]:
    """Send what is secret by every way there is; give the secrets that the archive made."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=TIMEOUT_S) as client:
        answers = []
        for path in ("/login/", "/archive/api-token-auth/"):
            for password in (PASSWORD, WRONG):
                given = {"username": "keeper", "password": password}
                answers.append(client.post(path, data=given))
                answers.append(client.post(path, params=given))
                answers.append(client.post(path, json=[given]))
                answers.append(
                    client.post(path, json={"username": "keeper", "password": [password]})
                )
                answers.append(client.post(path, content=f'{{"password": "{password}"'))
        made = [value for answer in answers for value in answer.cookies.values()]
        client.cookies.clear()
        for token in (known.token, known.token[:-1]):
            for scheme in ("Token", "Bearer", "Basic"):
                client.get("/frames/", headers={"Authorization": f"{scheme} {token}"})
            for name in ("auth_token", "token", "Auth_Token", "auth%5Ftoken", "password"):
                client.get(f"/nowhere/?{name}={token}")
            client.post("/frames/zip/", json={"frame_ids": [known.frame_id], "auth_token": token})
            client.post("/frames/zip/", data={"frame_ids": known.frame_id, "auth_token": token})
        item = client.get(
            f"/frames/{known.frame_id}/", headers={"Authorization": f"Token {known.token}"}
        ).json()
        signature = item["url"].rpartition("signature=")[2]
        client.get(item["url"])
        client.get(item["url"].replace("/frames/", "/archive/frames/"))
        client.get(item["url"].replace("expires=", "expires=1"))
        client.get(item["url"].replace("/download/", "/headers/"))
        for answer in answers:
            if answer.status_code >= 400:
                assert PASSWORD not in answer.text
                assert WRONG not in answer.text
    basic = (f"http://keeper:{PASSWORD}@127.0.0.1:{port}/frames/?auth_token={known.token}").encode()
    ask_raw(port, basic)
    ask_raw(port, b"/frames/\x00?auth_token=" + known.token.encode())
    ask_raw(port, b"/frames/ bad ?auth_token=" + known.token.encode())
    return [*made, signature]


@pytest.mark.parametrize(
    "style",
    [
        "console",
        pytest.param("json", marks=LONG_ONLY),
    ],
)
def test_no_secret_reaches_the_log_of_a_process(
    tmp_path: Path, database_url: str, known: Known, style: str
) -> None:
    log = tmp_path / "log"
    with serving(tmp_path, database_url, log, log_format=style) as (port, _):
        until(lambda: is_up(port))
        made = spend_secrets(port, known)
    text = log.read_text()
    assert text.count("/frames/") > 10, text
    assert "signature=***" in text
    assert "auth_token=***" in text
    for secret in (PASSWORD, WRONG, SECRET_KEY, known.token, known.token[:-1], *made):
        assert secret not in text, secret[:8]


def test_the_password_of_a_database_that_fails(tmp_path: Path) -> None:
    log = tmp_path / "log"
    url = f"postgresql+asyncpg://skyshelf:{DATABASE_PASSWORD}@127.0.0.1:{free_port()}/skyshelf"
    with serving(tmp_path, url, log) as (port, _):
        end = time.monotonic() + TIMEOUT_S
        while "database" not in log.read_text() and time.monotonic() < end:
            time.sleep(0.1)
        time.sleep(0.5)
        assert not is_up(port) or httpx.get(f"http://127.0.0.1:{port}/frames/").status_code == 503
    text = log.read_text()
    assert "database" in text
    assert DATABASE_PASSWORD not in text
    assert SECRET_KEY not in text


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://skyshelf:{DATABASE_PASSWORD}@host/name",
        f"mysql://skyshelf:{DATABASE_PASSWORD}@host/name?a=b@c",
        f"//skyshelf:a/{DATABASE_PASSWORD}@host",
    ],
)
def test_a_refused_url_is_shown_without_its_password(url: str) -> None:
    with pytest.raises(InvalidError) as caught:
        load_settings(database_url=url, _env_file=None)
    shown = f"{caught.value} {caught.value.message} {caught.value.__cause__}"
    assert DATABASE_PASSWORD not in shown
    assert "SKYSHELF_DATABASE_URL" in shown


def test_a_refused_secret_is_not_shown() -> None:
    with pytest.raises(InvalidError) as caught:
        load_settings(secret_key=secrets.token_urlsafe(8), _env_file=None)
    assert caught.value.message.startswith("SKYSHELF_SECRET_KEY=: ")
