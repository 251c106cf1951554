"""Names and headers of files must not forge lines of the log, nor steer the terminal."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from app.core.errors import ArchiveError
from app.fits.keywords import BUILT_IN
from app.fits.read import read_file
from app.logs import configure_logs
from tests.hostile_fits.zoo_headers import CARDS
from tests.support.raw_cards import array_hdu, write

FORGED = "a\n2026-11-20T00:00:00Z [error    ] forged\x1b[2J\x9b31m\u202e\ud800.fits"
SPECIMENS = ("newline", "carriage return", "escape", "NUL", "C1 control characters", "not UTF-8")


@pytest.fixture(autouse=True)
def undone() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def logged(capsys: pytest.CaptureFixture[str], style: str, **values: object) -> str:
    configure_logs(level="info", style=style)
    structlog.get_logger("app.test").warning("wrong FITS checksum", **values)
    return capsys.readouterr().err


def test_a_name_makes_one_line_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    line = logged(capsys, "console", file=FORGED, flaws=("HDU 1: DATASUM", FORGED))
    assert line.count("\n") == 1
    assert line.rstrip("\n").isprintable()
    assert "forged" in line
    assert r"\x1b[2J" in line


def test_a_name_makes_one_line_for_collectors(capsys: pytest.CaptureFixture[str]) -> None:
    line = logged(capsys, "json", file=FORGED)
    assert line.count("\n") == 1
    assert json.loads(line)["file"] == FORGED
    assert line.isascii()


def test_logs_of_libraries_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(level="info", style="console")
    logging.getLogger("some.library").warning("odd name %s", FORGED)
    assert capsys.readouterr().err.count("\n") == 1


def test_a_traceback_keeps_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(level="info", style="console")
    try:
        int("broken")
    except ValueError:
        structlog.get_logger("app.test").exception("failed", file=FORGED)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) > 3
    assert lines[-1].startswith("ValueError: ")
    assert not any(line.startswith("2026-11-20T00:00:00Z") for line in lines)


@pytest.mark.parametrize("name", SPECIMENS)
def test_texts_of_headers_are_printable(tmp_path: Path, name: str) -> None:
    """What logs, reasons and the catalogue quote of a header holds no control characters."""
    reading = read_file(write(tmp_path / "a.fits", b"".join(CARDS[name]())), BUILT_IN)
    assert all(sentence.isprintable() for sentence in reading.repairs)
    texts = [
        card.value for hdu in reading.hdus for card in hdu.cards if isinstance(card.value, str)
    ]
    assert all(character >= " " for text in texts for character in text)


@pytest.mark.parametrize("value", ["'a\nb'", "'\x1b[31m'", "'\u202e'"])
def test_messages_of_errors_are_printable(tmp_path: Path, value: str) -> None:
    data = array_hdu().replace(b"BITPIX  = 8".ljust(80), f"BITPIX  = {value}".encode().ljust(80))
    with pytest.raises(ArchiveError) as raised:
        read_file(write(tmp_path / "a.fits", data), BUILT_IN)
    assert raised.value.message.isprintable()
