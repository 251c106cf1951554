"""Every example of the formatter page does what the page says."""

from datetime import date
from pathlib import Path

import pytest

from app.core.errors import InvalidError
from app.fits.models import HeaderValue
from app.fits.template import FIELDS, parse_template
from app.fits.template_functions import FUNCTIONS

PAGE = Path(__file__).parents[2] / "docs/admin/reference/formatters.md"
EXAMPLES = PAGE.read_text(encoding="utf-8").partition("## Worked examples")[2]


def page_header() -> dict[str, HeaderValue]:
    cards: dict[str, HeaderValue] = {}
    for line in EXAMPLES.split("```")[1].strip().splitlines():
        keyword, _, value = line.partition("=")
        text = value.strip()
        cards[keyword.strip()] = text[1:-1] if text.startswith("'") else page_number(text)
    return cards


def page_number(text: str) -> int | float:
    return float(text) if "." in text else int(text)


def page_rows() -> list[tuple[str, ...]]:
    rows = [line for line in EXAMPLES.splitlines() if line.startswith("| `")]
    cells = [row.replace("\\|", "¦").strip("| ").split("|") for row in rows]
    return [tuple(cell.strip().strip("`").replace("¦", "|") for cell in row) for row in cells]


@pytest.mark.parametrize(("text", "kind", "result"), page_rows())
def test_example(text: str, kind: str, result: str) -> None:
    assert kind in {"path", "name"}

    def render() -> str:
        template = parse_template(text, kind="path" if kind == "path" else "name")
        night = {"night": date(2026, 11, 20)}
        return template.render(page_header(), night, concept_of={"DAY-OBS": "night"})

    if result == "error":
        with pytest.raises(InvalidError):
            render()
    else:
        assert render() == result


def test_the_page_names_every_field_and_function() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert len(page_rows()) > 15
    assert all(f"`{name}" in page for name in FUNCTIONS)
    assert " ".join(FIELDS) in " ".join(page.split())
