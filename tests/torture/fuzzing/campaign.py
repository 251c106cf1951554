"""Fuzzes targets one after another, starts anew what crashed in C, and reports."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tests.torture.fuzzing.engine import COUNTS
from tests.torture.fuzzing.seeds import write_seeds

_GRACE_S: Final = 120


@dataclass(frozen=True)
class Result:
    """What fuzzing a target came to.

    Attributes
    ----------
    target
        Its name.
    seconds
        How long it ran [s].
    executions
        Inputs that were tried.
    inputs_kept
        Inputs that reached something new, with the seeds.
    out_of_memory
        Inputs at which the address space ended; a child process ends likewise.
    faults
        Reports of errors that are not the archive's, by file.
    crashes_in_c
        Inputs that ended the process or took too long; they would cost a child.
    """

    target: str
    seconds: int
    executions: int
    inputs_kept: int
    out_of_memory: int
    faults: tuple[str, ...]
    crashes_in_c: tuple[str, ...]


def fuzz_target(target: str, seconds: int, folder: Path) -> Result:
    """Fuzz a target for some time, in as many processes one after another as that takes."""
    corpus, diary = folder / target / "inputs", folder / target / "found"
    write_seeds(corpus)
    diary.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    while (left_s := seconds - int(time.monotonic() - began)) > 0:
        with (diary / "log.txt").open("ab") as log:
            _run_once(target, corpus, diary, left_s, log.fileno())
    return _result(target, int(time.monotonic() - began), corpus, diary)


def _run_once(target: str, corpus: Path, diary: Path, seconds: int, log: int) -> None:
    """Run a fuzzing process to its end, whatever that is."""
    command = [sys.executable, "-m", "tests.torture.fuzzing", target, "--engine"]
    command += ["--seconds", str(seconds), "--corpus", str(corpus), "--report", str(diary)]
    try:
        subprocess.run(command, stdout=log, stderr=log, check=False, timeout=seconds + _GRACE_S)  # noqa: S603  # our own command
    except subprocess.TimeoutExpired:
        (diary / "hung.txt").write_text(f"{target} did not end\n")


def _result(target: str, seconds: int, corpus: Path, diary: Path) -> Result:
    counts = diary / "counts"
    executions, _, memory = COUNTS.unpack(counts.read_bytes()) if counts.exists() else (0, 0, 0)
    return Result(
        target=target,
        seconds=seconds,
        executions=executions,
        inputs_kept=sum(1 for _ in corpus.iterdir()),
        out_of_memory=memory,
        faults=_names(diary, "fault-*.txt"),
        crashes_in_c=_names(diary, "crash-in-c-*"),
    )


def _names(folder: Path, pattern: str) -> tuple[str, ...]:
    return tuple(sorted(path.name for path in folder.glob(pattern)))


def fuzz_targets(
    names: Sequence[str], seconds: int, folder: Path, report: Path
) -> tuple[Result, ...]:
    """Fuzz targets one after another; the report grows with each."""
    results: list[Result] = []
    for name in names:
        result = fuzz_target(name, seconds, folder)
        results.append(result)
        report.write_text(json.dumps([asdict(each) for each in results], indent=2) + "\n")
        sys.stdout.write(
            f"{result.target}: {result.executions} inputs in {result.seconds} s,"
            f" {len(result.faults)} faults, {len(result.crashes_in_c)} crashes in C\n"
        )
        sys.stdout.flush()
    return tuple(results)
