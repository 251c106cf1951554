"""`skyshelf up` in a folder of its own, started and stopped from outside as by a person."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from benchmarks.driver import Target, UnexpectedAnswerError

ROOT = Path(__file__).parents[1]
_READY_WITHIN_S, _STOPPED_WITHIN_S, _FILED_WITHIN_S = 60.0, 30.0, 90.0
_POLL_S = 0.02


class Service:
    """A running archive, without samples, that keeps files as they come.

    Parameters
    ----------
    data_dir
        Its folder; made if it is missing.

    Attributes
    ----------
    data_dir
        Its folder.
    process
        The supervisor.
    port
        Of 127.0.0.1.
    """

    def __init__(self, data_dir: Path) -> None:
        self._begun = time.perf_counter()
        self.data_dir = data_dir
        self.port = _free_port()
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)
        self._log = data_dir.parent / f"{data_dir.name}.log"
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app.cli", "up"],
                cwd=data_dir.parent,  # away from the .env of whoever runs this
                env=self._environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C is for us: we stop the service
            )

    def _environment(self) -> dict[str, str]:
        """Give the service its settings, and none of those of whoever runs this."""
        rest = {name: value for name, value in os.environ.items() if "SKYSHELF_" not in name}
        return rest | {
            "PYTHONPATH": str(ROOT),
            "SKYSHELF_DATA_DIR": str(self.data_dir),
            "SKYSHELF_PORT": str(self.port),
            "SKYSHELF_SAMPLE_FRAMES": "0",
            "SKYSHELF_PACK": "never",
            "SKYSHELF_LOG_LEVEL": "warning",
        }

    def wait_until_ready(self) -> float:
        """Wait until the API says that it is ready.

        Returns
        -------
        float
            Since the process was started [s].

        Raises
        ------
        UnexpectedAnswerError
            If it does not.
        """  # _until raises it, too
        self._until(self._is_ready, _READY_WITHIN_S)
        return time.perf_counter() - self._begun

    def _is_ready(self) -> bool:
        if (code := self.process.poll()) is not None:
            raise UnexpectedAnswerError(f"`up` ended with {code}: {self._log.read_text()}")
        try:
            return self._http.get("/health/ready/").status_code == 200
        except httpx.TransportError:
            return False

    def log_in(self) -> None:
        """Be the admin from now on."""
        password = (self.data_dir / "admin-password").read_text(encoding="utf-8").strip()
        answer = self._http.post(
            "/api-token-auth/", data={"username": "admin", "password": password}
        ).raise_for_status()
        self._http.headers["Authorization"] = f"Token {answer.json()['token']}"

    def count(self) -> int:
        """Count the frames in the list.

        Returns
        -------
        int
            How many there are.
        """
        answer = self._http.get("/frames/", params={"limit": 1}).raise_for_status()
        return int(answer.json()["count"])

    def frame_ids(self, kind: str) -> list[int]:
        """Find the frames of one kind.

        Parameters
        ----------
        kind
            As they were made.

        Returns
        -------
        list of int
            Their numbers.
        """
        query: dict[str, str | int] = {"OBJECT": kind, "limit": 1000}
        answer = self._http.get("/frames/", params=query).raise_for_status()
        return [int(frame["id"]) for frame in answer.json()["results"]]

    def stored(self, kind: str) -> list[Path]:
        """Find the archived files of one kind.

        Parameters
        ----------
        kind
            As they were made.

        Returns
        -------
        list of Path
            The files.
        """
        return sorted((self.data_dir / "archive").rglob(f"{kind}-*.fits"))

    def target(self, path: str) -> Target:
        """Name something that the admin asks for.

        Parameters
        ----------
        path
            With its query.

        Returns
        -------
        Target
            For the driver.
        """
        token = self._http.headers["Authorization"]
        return Target(self.port, path, {"Authorization": token})

    def file(self, frames: Sequence[Path], *, poll_s: float = 0.1) -> float:
        """Rename files into the inbox, and wait until all are in the list.

        Parameters
        ----------
        frames
            Complete files on the disk of the inbox.
        poll_s
            Pause between two looks at the list, which cost the machine some milliseconds each [s].

        Returns
        -------
        float
            From the first rename to the last frame [s].

        Raises
        ------
        UnexpectedAnswerError
            If they do not come.
        """  # _until raises it
        wanted = self.count() + len(frames)
        begun = time.perf_counter()
        for frame in frames:
            frame.rename(self.data_dir / "inbox" / frame.name)
        self._until(lambda: self.count() >= wanted, _FILED_WITHIN_S, poll_s)
        return time.perf_counter() - begun

    def stop(self) -> None:
        """Stop everything; what does not stop in time is killed.

        Raises
        ------
        UnexpectedAnswerError
            If something had to be killed.
        """
        self._http.close()
        tree = psutil.Process(self.process.pid).children(recursive=True)
        self.process.terminate()
        try:
            self.process.wait(_STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired as error:
            for process in tree:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            self.process.kill()
            raise UnexpectedAnswerError(f"`up` did not stop: {self._log.read_text()}") from error

    def _until(
        self, condition: Callable[[], bool], within_s: float, poll_s: float = _POLL_S
    ) -> None:
        """Wait for something.

        Raises
        ------
        UnexpectedAnswerError
            If it does not come.
        """
        end = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > end:
                raise UnexpectedAnswerError(
                    f"waited in vain for {within_s:g} s: {self._log.read_text()}"
                )
            time.sleep(poll_s)


def _free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def starting(data_dir: Path) -> Iterator[Service]:
    """Run an archive; whatever happens, leave no process behind.

    Parameters
    ----------
    data_dir
        Its folder.

    Yields
    ------
    Service
        Not ready yet.
    """
    service = Service(data_dir)
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.stop()


@contextmanager
def running(data_dir: Path) -> Iterator[Service]:
    """Run an archive, and wait until it can be used.

    Parameters
    ----------
    data_dir
        Its folder.

    Yields
    ------
    Service
        Ready, and logged in.
    """
    with starting(data_dir) as service:
        service.wait_until_ready()
        service.log_in()
        yield service
