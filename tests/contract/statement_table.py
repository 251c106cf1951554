"""Which test proves which statement of the contracts; writes the table of the documentation.

``python -m tests.contract.statement_table`` writes docs/dev/reference/statements.md; a test holds
it current, and demands a test for every statement.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs/dev/reference/statements.md"

_STATEMENTS = tomllib.loads((HERE / "statements.toml").read_text(encoding="utf-8"))
_NAME = re.compile(r"test_(pyo|arc|thu|shr)((?:_\d+)+)(?:_|$)")
_TITLES = {
    "PYO": "pyobs-archive, at `/pyobs/`",
    "ARC": "LCO science archive, at `/archive/`",
    "THU": "LCO thumbnail service, at `/thumbnails/`",
    "SHR": "Shared by all dialects",
}
_HEAD = """\
<!-- Written by `make docs`; change tests/contract/ instead. -->

# Statements of the contracts, and the tests that prove them

`make test` runs every one of these tests, and fails where a statement has none. *held* means that
the tests prove the statement as it stands; *held otherwise* that they prove something else, for the
reason that is given; *open* that a test says it does not hold yet.
"""


@dataclass(frozen=True, slots=True)
class Proof:
    """A test that proves a statement.

    Attributes
    ----------
    file
        Name of its file in tests/contract.
    test
        Name of the function.
    is_open
        Whether the test is marked as one that does not pass yet.
    """

    file: str
    test: str
    is_open: bool


def statements() -> dict[str, str]:
    """Give every statement, as ``PYO-1`` -> a few words."""
    return {
        f"{dialect}-{number}": text
        for dialect in _TITLES
        for number, text in _STATEMENTS[dialect].items()
    }


def deviations() -> dict[str, str]:
    """Give the statements that are held otherwise, with the reason."""
    return dict(_STATEMENTS["deviations"])


@cache
def proofs() -> dict[str, list[Proof]]:
    """Give the tests of each statement that has one."""
    found: dict[str, list[Proof]] = {}
    for path in sorted(HERE.glob("test_*.py")):
        for statement, proof in _proofs_in(path):
            found.setdefault(statement, []).append(proof)
    return found


def _proofs_in(path: Path) -> Iterator[tuple[str, Proof]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if match := _NAME.match(node.name):
            is_open = any(_is_open(mark) for mark in node.decorator_list)
            for number in match[2].strip("_").split("_"):
                yield f"{match[1].upper()}-{number}", Proof(path.name, node.name, is_open)


def _is_open(mark: ast.expr) -> bool:
    return bool(re.search(r"\bmark\.(xfail|skip)\b", ast.unparse(mark)))


def statement_page() -> str:
    """Write the table.

    Returns
    -------
    str
        Markdown.
    """
    known, deviating = proofs(), deviations()
    parts = [_HEAD]
    for dialect, title in _TITLES.items():
        parts.append(
            f"\n## {title}\n\n| statement | in short | tests | status |\n|---|---|---|---|\n"
        )
        for number, text in _STATEMENTS[dialect].items():
            name = f"{dialect}-{number}"
            parts.append(_line(name, text, known.get(name, []), deviating.get(name)))
    return "".join(parts)


def _line(name: str, text: str, proven: list[Proof], deviation: str | None) -> str:
    tests = "<br>".join(f"`{proof.file}::{proof.test}`" for proof in proven)
    return f"| {name} | {text} | {tests} | {_status(proven, deviation)} |\n"


def _status(proven: list[Proof], deviation: str | None) -> str:
    if not proven:
        return "**no test**"
    if any(proof.is_open for proof in proven):
        return "open"
    return f"held otherwise: {deviation}" if deviation else "held"


if __name__ == "__main__":
    PAGE.write_text(statement_page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name} written\n")
