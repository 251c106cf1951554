"""The ``skyshelf`` command without an archive: words, help, errors, quick starts."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import app, main, output

COMMANDS = ("up", "serve", "worker", "migrate", "sample", "ingest", "name", "status", "docs")
GROUPS = ("user", "token", "proposal")


def said_by_main(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str
) -> tuple[int, list[str]]:
    """Run the console entry; return its exit code and the lines on standard error."""
    monkeypatch.setattr(sys, "argv", ["skyshelf", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code, capsys.readouterr().err.splitlines()


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in a folder without a ``.env``."""
    monkeypatch.chdir(tmp_path)


def test_help_names_every_command() -> None:
    said = CliRunner().invoke(app, ["--help"])
    assert said.exit_code == 0
    assert all(f"\n  {word} " in said.output for word in (*COMMANDS, *GROUPS))


@pytest.mark.parametrize("group", GROUPS)
def test_groups_have_help(group: str) -> None:
    assert "list" in CliRunner().invoke(app, [group, "--help"]).output or group == "token"


@pytest.mark.parametrize(
    "words", [["sample", "0"], ["ingest"], ["name"], ["user", "add"], ["launch"], ["docs", "--x"]]
)
def test_wrong_words_are_refused(words: list[str]) -> None:
    assert CliRunner().invoke(app, words).exit_code == 2


@pytest.mark.parametrize("command", ["up", "serve", "worker", "migrate", "status", "sample"])
def test_wrong_setting_is_named_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("SKYSHELF_PORT", "ninety")
    code, lines = said_by_main(capsys, monkeypatch, command)
    assert code == 2
    assert len(lines) == 1
    assert lines[0].startswith("skyshelf: SKYSHELF_PORT=ninety: ")


def test_archive_that_does_not_exist_is_not_made(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code, lines = said_by_main(capsys, monkeypatch, "status")
    assert code == 2
    assert len(lines) == 1
    assert "skyshelf migrate" in lines[0]
    assert not list(tmp_path.iterdir())


def test_path_that_does_not_exist(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, lines = said_by_main(capsys, monkeypatch, "ingest", "nowhere")
    assert code == 2
    assert lines == ["skyshelf: there is no file or folder nowhere: give one that exists"]


def test_report_into_a_missing_folder_is_refused_at_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, lines = said_by_main(capsys, monkeypatch, "ingest", ".", "--json", "no/report.json")
    assert code == 2
    assert "no/report.json" in lines[0]


def test_file_in_the_way_ends_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SKYSHELF_DATA_DIR", str(tmp_path / "file"))
    code, lines = said_by_main(capsys, monkeypatch, "sample", "1")
    assert code == 2
    assert len(lines) == 1
    assert str(tmp_path / "file") in lines[0]


def test_nothing_slow_is_loaded_at_the_start() -> None:
    script = "import sys, app.cli; print(*sys.modules, sep='\\n')"
    loaded = subprocess.run(  # noqa: S603  # constants
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    slow = {"astropy", "numpy", "fastapi", "sqlalchemy", "uvicorn", "structlog", "rich.table"}
    assert not slow.intersection(loaded)
    assert "app.settings" in loaded


def test_terminal_takes_nothing_for_a_command() -> None:
    assert output.printable("a\x1b[31mé\nb") == "a\\x1b[31mé\\nb"
    assert output.shown(Path("a\udcffb\x07")) == "a\\xffb\\x07"


def test_tables_are_whole_when_piped(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_table(("what", "n"), [("x" * 300, 1), ("[bold]", None)])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert "x" * 300 in lines[1]
    assert "[bold]" in lines[2]
