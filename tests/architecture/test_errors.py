"""Every error family stands in the table of every edge, and in no other place."""

import importlib
import pkgutil
from collections.abc import Iterator

import app
import worker
from app.api.problems import STATUSES, status_for
from app.core import errors
from app.core.errors import ArchiveError
from app.core.offload import CrashedError
from worker.dispositions import DISPOSITIONS, disposition_of

FAMILIES = {
    each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, ArchiveError) and each is not ArchiveError
}


def descendants(family: type[ArchiveError]) -> Iterator[type[ArchiveError]]:
    for each in family.__subclasses__():
        yield each
        yield from descendants(each)


def load_everything() -> None:
    for package in (app, worker):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                importlib.import_module(found.name)


def test_every_family_stands_in_every_table() -> None:
    assert len(FAMILIES) == 9
    assert set(STATUSES) == FAMILIES
    assert set(DISPOSITIONS) == FAMILIES | {CrashedError}


def test_every_error_of_the_archive_belongs_to_a_family() -> None:
    load_everything()
    everything = set(descendants(ArchiveError))
    assert len(everything) > 30
    for error in everything:
        assert any(issubclass(error, family) for family in FAMILIES), error
        assert 400 <= status_for(error) < 500 or status_for(error) in {503, 507}
        assert error.title != ArchiveError.title, error


def test_every_error_says_what_becomes_of_a_job() -> None:
    for family in FAMILIES:
        assert disposition_of(family("x")) is DISPOSITIONS[family]
