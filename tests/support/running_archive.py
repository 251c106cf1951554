"""The whole archive as an operator runs it: `skyshelf up` and its processes."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment_of(**settings: object) -> dict[str, str]:
    """Give the environment of a process of ours: these settings, and none of whoever tests."""
    outer = {name: value for name, value in os.environ.items() if "SKYSHELF" not in name}
    given = {f"SKYSHELF_{name.upper()}": str(value) for name, value in settings.items()}
    return outer | given | {"PYTHONPATH": str(ROOT)}


@contextmanager
def running(
    folder: Path, port: int, log: Path, **settings: object
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `skyshelf up`; whatever happens, leave no process behind."""
    given = {"data_dir": folder, "port": port, "settle_s": 0.5, **settings}
    with log.open("ab") as output:
        up = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "up"],
            cwd=ROOT,
            env=environment_of(**given),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield up
    finally:
        if up.poll() is None:
            up.send_signal(signal.SIGTERM)
            up.wait(timeout=60)


def until(condition: Callable[[], bool], within_s: float = 120) -> None:
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.2)


def is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/health/ready").status_code == 200
    except httpx.TransportError:
        return False


def log_in(client: httpx.Client, folder: Path) -> None:
    password = (folder / "admin-password").read_text().strip()
    answer = client.post("/api-token-auth/", data={"username": "admin", "password": password})
    client.headers["Authorization"] = f"Token {answer.json()['token']}"
