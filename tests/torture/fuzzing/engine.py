"""The fuzzing process of one target: atheris leads, faults are written down, and it goes on.

A crash in C ends this process; `campaign` starts the next one.
"""

import hashlib
import os
import resource
import struct
import sys
import traceback
from mmap import mmap
from pathlib import Path
from types import TracebackType
from typing import Final

TARGET_NAMES: Final = ("header", "metadata", "footprint", "template", "preview", "pack")
COUNTS: Final = struct.Struct("<3Q")
"""Executions, faults, and calls that ran out of memory; survives the process."""

MAX_INPUT_BYTES: Final = 1 << 17
_MEMORY_BYTES: Final = 6 << 30
_SLOWEST_CALL_S: Final = 60
_INSTRUMENTED: Final = ["app.fits", "app.previews", "app.ingest"]
_ROOT: Final = Path(__file__).parents[3]


class Diary:
    """Counts what was tried, and keeps one input of each fault."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        counts = folder / "counts"
        if not counts.exists():
            counts.write_bytes(bytes(COUNTS.size))
        with counts.open("r+b") as file:
            self._counts = mmap(file.fileno(), COUNTS.size)
        self._last = folder / f"last-{os.getpid()}"

    def count(self, *, faults: int = 0, memory: int = 0) -> None:
        """Add an execution."""
        before = COUNTS.unpack_from(self._counts)
        COUNTS.pack_into(self._counts, 0, before[0] + 1, before[1] + faults, before[2] + memory)

    def note(self, data: bytes, error: BaseException) -> None:
        """Keep the input of a fault, and where it was raised, once for each place."""
        place = _place(error.__traceback__)
        name = hashlib.sha256(f"{type(error).__name__} {place}".encode()).hexdigest()[:12]
        report = self._folder / f"fault-{name}.txt"
        if report.exists():
            return
        report.write_text("".join(traceback.format_exception(error)))
        report.with_suffix(".bin").write_bytes(data)


def _place(trace: TracebackType | None) -> str:
    """Name the innermost line of ours, else the innermost one."""
    lines = [(frame.f_code.co_filename, number) for frame, number in traceback.walk_tb(trace)]
    ours = [line for line in lines if line[0].startswith(str(_ROOT / "app"))]
    return str((ours or lines)[-1:])


def fuzz(target: str, corpus: Path, diary_folder: Path, seconds: int) -> None:
    """Fuzz until the time is over or C crashes; does not return."""
    import atheris  # noqa: PLC0415  # only where somebody fuzzes

    with atheris.instrument_imports(include=_INSTRUMENTED):
        from tests.torture.fuzzing import mutations, targets  # noqa: PLC0415  # instrumented now
    from astropy import wcs as _  # noqa: F401, PLC0415  # before memory is bounded

    diary = Diary(diary_folder)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))

    def try_one(data: bytes) -> None:
        try:
            targets.run(target, data)
        except MemoryError:
            diary.count(memory=1)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is a fault
            diary.note(data, error)
            diary.count(faults=1)
        else:
            diary.count()

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        if seed % 8 == 0:
            return bytes(atheris.Mutate(data, max_size))
        return mutations.mutated(data, seed, max_size)

    corpus.mkdir(parents=True, exist_ok=True)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={MAX_INPUT_BYTES}",
        f"-timeout={_SLOWEST_CALL_S}",
        "-rss_limit_mb=6000",
        f"-artifact_prefix={diary_folder}/crash-in-c-",
        "-print_final_stats=1",
        str(corpus),
    ]
    atheris.Setup([sys.argv[0], *options], try_one, custom_mutator=mutate)
    atheris.Fuzz()
