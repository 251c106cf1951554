"""Clients run in an environment of their own; `make clients` makes it and names it."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.running_archive import free_port, is_ready, log_in, running, until

PYTHON = "CLIENTS_PYTHON"
SCRIPTS = Path(__file__).parent / "scripts"


@dataclass(frozen=True)
class Running:
    """An archive that runs, as a client meets it."""

    url: str
    folder: Path
    token: str
    client: httpx.Client

    @property
    def password(self) -> str:
        return (self.folder / "admin-password").read_text(encoding="utf-8").strip()

    def run(self, script: str, *words: object, stdin: object = None, **environment: object) -> Any:  # noqa: ANN401  # whatever the script says
        """Run a script of the clients, and read what it says."""
        done = subprocess.run(  # noqa: S603  # our own scripts
            [os.environ[PYTHON], SCRIPTS / script, *map(str, words)],
            input=json.dumps(stdin),
            env={**os.environ, **{name: str(value) for name, value in environment.items()}},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Run a whole archive for all clients."""
    if not os.environ.get(PYTHON):
        pytest.skip(f"{PYTHON} is not set; `make clients` sets it")
    folder, port = tmp_path_factory.mktemp("clients"), free_port()
    url, log = f"http://127.0.0.1:{port}/", folder / "log"
    with (
        running(folder / "data", port, log, sample_frames=0) as up,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        until(lambda: up.poll() is not None or is_ready(client))
        assert up.poll() is None, log.read_text(encoding="utf-8")
        log_in(client, folder / "data")
        token = client.headers["Authorization"].removeprefix("Token ")
        yield Running(url, folder / "data", token, client)
    assert "Traceback" not in log.read_text(encoding="utf-8")
