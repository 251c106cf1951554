"""Every numbered statement of the contracts has a test; the table of the documentation is right."""

import re
from pathlib import Path

import pytest

from tests.contract.statement_table import PAGE, deviations, proofs, statement_page, statements

CONTRACTS = Path(__file__).parents[3] / "shared/contracts"
DOCUMENTS = {
    "pyobs.md": "PYO",
    "lco-archive.md": "ARC",
    "lco-thumbnails.md": "THU",
}


@pytest.mark.parametrize("statement", statements())
def test_statement_has_a_test(statement: str) -> None:
    assert proofs().get(statement), f"no test in tests/contract carries {statement} in its name"


def test_tests_name_known_statements_only() -> None:
    assert set(proofs()) - set(statements()) == set()
    assert set(deviations()) - set(statements()) == set()


def test_no_statement_is_open() -> None:
    assert [name for name, found in proofs().items() if any(each.is_open for each in found)] == []


@pytest.mark.skipif(not CONTRACTS.is_dir(), reason="the contracts are not beside the clone")
@pytest.mark.parametrize(("document", "dialect"), DOCUMENTS.items())
def test_no_statement_of_a_contract_is_forgotten(document: str, dialect: str) -> None:
    text = (CONTRACTS / document).read_text(encoding="utf-8")
    numbered = {f"{dialect}-{number}" for number in re.findall(rf"\b{dialect}-(\d+)", text)}
    assert len(numbered) > 10
    assert numbered - set(statements()) == set()


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == statement_page(), "run `make docs`"
