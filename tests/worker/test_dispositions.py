"""Every family of errors stands in the worker's table."""

import importlib
import pkgutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

import app
from app.core import errors
from app.core.errors import ArchiveError, ConflictError, UnavailableError
from app.core.offload import CrashedError, TimedOutError
from worker.dispositions import (
    DISPOSITIONS,
    Disposition,
    counts_as_attempt,
    disposition_of,
    is_foreseen,
    retry_delay_s,
)


def all_errors(family: type[ArchiveError] = ArchiveError) -> set[type[ArchiveError]]:
    children = family.__subclasses__()
    return {*children, *(deeper for child in children for deeper in all_errors(child))}


def test_every_error_of_core_stands_in_the_table() -> None:
    of_core = {error for error in all_errors() if error.__module__ == errors.__name__}
    assert len(of_core) >= 5
    assert of_core | {CrashedError} == set(DISPOSITIONS)


def test_every_error_of_every_package_belongs_to_a_family() -> None:
    for package in pkgutil.iter_modules(app.__path__, "app."):
        name = f"{package.name}.models"
        if package.ispkg and importlib.util.find_spec(name):
            importlib.import_module(name)
    strangers = {error for error in all_errors() if not is_foreseen(error.__new__(error))}
    assert strangers == set()


@pytest.mark.parametrize("family", DISPOSITIONS)
def test_a_subclass_follows_its_family(family: type[ArchiveError]) -> None:
    subclass = type("FactError", (family,), {})
    assert disposition_of(subclass("fact")) is DISPOSITIONS[family]


@pytest.mark.parametrize("error", [ValueError("x"), OSError(28, "disk full"), ArchiveError("bare")])
def test_what_nobody_foresaw_is_tried_again(error: Exception) -> None:
    assert not is_foreseen(error)
    assert disposition_of(error) is Disposition.RETRY
    assert counts_as_attempt(error)


def test_a_crash_is_tried_again_and_counted_since_the_file_may_be_innocent() -> None:
    assert disposition_of(CrashedError("died")) is Disposition.RETRY
    assert counts_as_attempt(CrashedError("died"))
    assert disposition_of(TimedOutError("slow")) is Disposition.QUARANTINE


def test_only_what_is_away_may_be_waited_for_without_end() -> None:
    assert not counts_as_attempt(UnavailableError("storage is away"))
    assert counts_as_attempt(ConflictError("other bytes"))
    assert retry_delay_s(UnavailableError("away", retry_after_s=42), 1) == 42


@given(st.integers(min_value=1, max_value=10_000))
def test_delays_double_up_to_a_bound(attempts: int) -> None:
    delay_s = retry_delay_s(ValueError("x"), attempts)
    assert 2 <= delay_s <= 600
    assert retry_delay_s(ValueError("x"), attempts + 1) == min(2 * delay_s, 600)
