"""The generated pages are current, and say what they are there to say."""

from pathlib import Path

import pytest

from app.cli import app
from app.cli.generated import env_example, generated_pages, out_of_date
from app.settings import Settings, load_settings

PAGES = generated_pages(app)


def test_pages_are_current() -> None:
    assert out_of_date(PAGES) == [], "run `skyshelf docs`"


def test_page_that_is_out_of_date_is_named() -> None:
    file = next(iter(PAGES))
    assert out_of_date({**PAGES, file: PAGES[file] + "x"}) == [Path(file.name)]


def test_every_setting_is_in_both_pages() -> None:
    example, page = (PAGES[file] for file in PAGES if file.name in {".env.example", "settings.md"})
    for name in Settings.model_fields:
        assert f"\n#SKYSHELF_{name.upper()}=" in example
        assert f"\n## `SKYSHELF_{name.upper()}`\n" in page


def test_example_taken_as_it_is_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    defaults = load_settings()
    lines = env_example().splitlines()
    switched_on = [line.removeprefix("#") for line in lines if line.startswith("#SKYSHELF_")]
    (tmp_path / ".env").write_text("\n".join(switched_on) + "\n", encoding="utf-8")
    assert load_settings() == defaults
    (tmp_path / ".env").write_text("SKYSHELF_PORT=8123\n", encoding="utf-8")
    assert load_settings().port == 8123


def test_every_command_is_in_the_page() -> None:
    page = next(text for file, text in PAGES.items() if file.name == "commands.md")
    for words in ("up", "ingest", "user add", "proposal member-remove", "docs"):
        assert f"\n## `skyshelf {words}`\n" in page
