"""Points do nothing until they are armed, and then exactly what they were told."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.errors import InvalidError
from app.core.faults import (
    VARIABLE,
    FaultPoint,
    InjectedError,
    arm,
    arm_as_told,
    arm_by_environment,
    disarm,
    reach,
)
from tests.support.running_archive import ROOT
from tests.support.second_archive import a_database


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    disarm()


def test_a_point_that_is_not_armed_does_nothing() -> None:
    arm_as_told("named:raise")
    for point in set(FaultPoint) - {FaultPoint.NAMED}:
        reach(point)
    disarm()
    reach(FaultPoint.NAMED)


def test_a_point_acts_each_time() -> None:
    arm_as_told("staged:raise")
    for _ in range(2):
        with pytest.raises(InjectedError):
            reach(FaultPoint.STAGED)


def test_a_point_acts_at_one_passing() -> None:
    passed: list[int] = []
    arm(FaultPoint.STAGED, lambda: passed.append(1), passing=3)
    for _ in range(5):
        reach(FaultPoint.STAGED)
    assert passed == [1]


def test_a_process_is_armed_by_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    arm_by_environment()
    reach(FaultPoint.READ)
    monkeypatch.setenv(VARIABLE, "read:raise:2")
    arm_by_environment()
    reach(FaultPoint.READ)
    with pytest.raises(InjectedError):
        reach(FaultPoint.READ)


@pytest.mark.parametrize(
    "told", ["nowhere:kill", "staged", "staged:explode", "staged:kill:x", "staged:kill:-1", ":::"]
)
def test_what_cannot_be_armed_is_refused(told: str) -> None:
    with pytest.raises(InvalidError, match="is no fault") as caught:
        arm_as_told(told)
    assert caught.value.field == VARIABLE


def run_worker(folder: Path, url: str, fault: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "SKYSHELF_DATA_DIR": str(folder),
        "SKYSHELF_DATABASE_URL": url,
        VARIABLE: fault,
    }
    return subprocess.run(
        [sys.executable, "-m", "app.cli", "worker"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_worker_dies_where_it_was_told_from_outside(tmp_path: Path, database_url: str) -> None:
    (tmp_path / "inbox").mkdir()
    draft = tmp_path / "draft"
    draft.write_bytes(b"no FITS file")
    draft.rename(tmp_path / "inbox" / "a.fits")
    url = asyncio.run(a_database(database_url, "faults"))
    done = run_worker(tmp_path, url, "recorded:kill")
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_a_worker_with_a_wrong_fault_does_not_start(tmp_path: Path, database_url: str) -> None:
    done = run_worker(tmp_path, database_url, "nowhere:kill")
    assert done.returncode == 2
    assert "'nowhere:kill' is no fault" in done.stderr
    assert "Traceback" not in done.stderr
