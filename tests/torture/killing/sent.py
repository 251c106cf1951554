"""The files that are sent in under attack: by the inbox and by uploads."""

import hashlib
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import httpx

from tests.support.fits_files import make_fits
from tests.torture.killing.house import ADMIN, House


class Kind(StrEnum):
    """What is in a file."""

    GOOD = "good"
    COPY = "copy of a good one"
    VERSION = "same name, other bytes"
    BROKEN = "broken"


@dataclass(frozen=True)
class Sent:
    """A file."""

    name: str
    kind: Kind
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def make_files(folder: Path, count: int, chance: random.Random, prefix: str) -> list[Sent]:
    """Make files of all kinds: copies and versions are of files before them."""
    made: list[Sent] = []
    for number in range(count):
        good = [each for each in made if each.kind is Kind.GOOD]
        kinds, weights = list(Kind), (70, 10, 10, 10)
        (kind,) = chance.choices(kinds, weights) if good else (Kind.GOOD,)
        made.append(_a_file(folder, f"{prefix}-{number:04d}", kind, chance, good))
    return made


def _a_file(folder: Path, stem: str, kind: Kind, chance: random.Random, good: list[Sent]) -> Sent:
    if kind is Kind.COPY:
        return Sent(f"{stem}.fits", kind, chance.choice(good).content)
    if kind is Kind.BROKEN:
        return Sent(f"{stem}.fits", kind, stem.encode() + chance.randbytes(3000))
    name = f"{stem}.fits" if kind is Kind.GOOD else chance.choice(good).name
    shape = chance.choice([(32, 24), (32, 24), (200, 160)])
    made = make_fits(folder / "made.fits", shape=shape, OBJECT=stem)
    return Sent(name, kind, made.read_bytes())


def drop(house: House, file: Sent, number: int, chance: random.Random) -> None:
    """Put a file into the inbox, renamed or written there, in a folder of its own."""
    folder = house.inbox / f"d{number}"
    folder.mkdir()
    if chance.random() < 0.7:
        draft = folder / f".{file.name}.part"
        draft.write_bytes(file.content)
        draft.rename(folder / file.name)
    else:
        (folder / file.name).write_bytes(file.content)


@dataclass
class Uploads:
    """A client that sends files one after the other, and notes what it was told."""

    house: House
    files: list[Sent]
    answered: list[tuple[Sent, str]] = field(default_factory=list)
    unanswered: list[Sent] = field(default_factory=list)
    refused: int = 0
    longest_pause_s: float = 1.0
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Send until all is sent; a file without an answer is sent again, or given up."""
        with self.house.client() as client:
            for number, file in enumerate(self._until_stopped()):
                self.stop.wait(self.house.chance.uniform(0, self.longest_pause_s))
                is_answered = self._send(client, file)
                if not is_answered and number % 2:
                    self._insist(client, file)

    def _until_stopped(self) -> Iterator[Sent]:
        for file in self.files:
            if self.stop.is_set():
                return
            yield file

    def _insist(self, client: httpx.Client, file: Sent) -> None:
        while not self.stop.wait(0.5):
            if self._send(client, file):
                self.unanswered.remove(file)
                return

    def _send(self, client: httpx.Client, file: Sent) -> bool:
        """Send a file; True if there was an answer that says what became of it."""
        try:
            self._log_in(client)
            answer = client.post("/frames/create/", files={"file": (file.name, file.content)})
        except (httpx.HTTPError, KeyError):
            self._note_silence(file)
            return False
        if answer.status_code != httpx.codes.OK:
            self.refused += 1
            assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE, answer.text
            self._note_silence(file)
            return False
        (result,) = answer.json()["results"]
        self.answered.append((file, result["state"]))
        return True

    def _note_silence(self, file: Sent) -> None:
        if file not in self.unanswered:
            self.unanswered.append(file)
        self.stop.wait(0.2)

    def _log_in(self, client: httpx.Client) -> None:
        if "Authorization" not in client.headers:
            name, password = ADMIN
            form = {"username": name, "password": password}
            token = client.post("/api-token-auth/", data=form).json()["token"]
            client.headers["Authorization"] = f"Token {token}"
