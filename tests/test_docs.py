"""What the pages say of this project exists: links, settings, commands, source files, code."""

import re
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from app.cli import app
from app.settings import PREFIX, Settings

ROOT = Path(__file__).parents[1]
TOP = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
PAGES = [*(ROOT / name for name in TOP), *sorted((ROOT / "docs").rglob("*.md"))]
TEXTS = {page: page.read_text(encoding="utf-8") for page in PAGES}

BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
SETTING = re.compile(rf"\b{PREFIX}(\w+)")
COMMAND = re.compile(r"(?<![\w/-])skyshelf ([a-z]+)(?: ([a-z][a-z-]+))?")
SOURCE = re.compile(r"`((?:app|worker|tests|migrations|docs)/[\w./-]*)`")
HOST = re.compile(r"\w://(?:[^\s@/]*@)?([\w.-]+)")
MAIL = re.compile(r"\b[\w.+-]+@([\w-]+\.[\w.-]*\w)\b")
ALLOWED_HOST = re.compile(
    r"127\.0\.0\.1|localhost|(.+\.)?example(\.com|\.org|\.net)?"
    r"|host|semver\.org|www\.rfc-editor\.org|fits\.gsfc\.nasa\.gov|www\.ivoa\.net"
)

every_page = pytest.mark.parametrize(
    "page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES]
)


def prose(text: str) -> str:
    """A page without its code, in which brackets mean something else."""
    return re.sub(r"`[^`\n]*`", "", BLOCK.sub("", text))


def anchors(text: str) -> set[str]:
    """The fragments under which the headings of a page are reached."""
    headings = HEADING.findall(BLOCK.sub("", text))
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in kept}


def broken_links(page: Path) -> list[str]:
    broken = []
    for link in LINK.findall(prose(TEXTS[page])):
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if "://" in link or (path and not target.exists()):
            broken += [link] if "://" not in link else []
        elif fragment and fragment not in anchors(TEXTS[target]):
            broken.append(link)
    return broken


def is_command(first: str, second: str) -> bool:
    commands = get_command(app)
    assert isinstance(commands, TyperGroup)
    command = commands.commands.get(first)
    if isinstance(command, TyperGroup):
        return not second or second in command.commands
    return command is not None


def test_pages_are_found() -> None:
    assert len(PAGES) > 25
    assert sum(len(LINK.findall(text)) for text in TEXTS.values()) > 100


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page) == []


@every_page
def test_settings_exist(page: Path) -> None:
    names = {name.lower() for name in SETTING.findall(TEXTS[page])}
    assert names <= Settings.model_fields.keys()


@every_page
def test_commands_exist(page: Path) -> None:
    unknown = [words for words in COMMAND.findall(TEXTS[page]) if not is_command(*words)]
    assert unknown == []


@every_page
def test_source_files_exist(page: Path) -> None:
    missing = [path for path in SOURCE.findall(TEXTS[page]) if not (ROOT / path).exists()]
    assert missing == []


@every_page
def test_hosts_are_those_of_examples_and_standards(page: Path) -> None:
    hosts = {*HOST.findall(TEXTS[page]), *MAIL.findall(TEXTS[page])}
    assert [host for host in hosts if not ALLOWED_HOST.fullmatch(host)] == []


@every_page
def test_python_compiles(page: Path) -> None:
    for language, code in BLOCK.findall(TEXTS[page]):
        if language == "python":
            compile(code, str(page), "exec")


def test_every_page_of_docs_is_reached_from_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    reached = {(index.parent / link).resolve() for link in LINK.findall(TEXTS[index])}
    pages = {page for page in PAGES if "docs" in page.parts and "adr" not in page.parts}
    assert pages - {index} <= reached
