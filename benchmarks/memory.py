"""Resident memory of the processes, after everything else."""

from collections.abc import Iterator, Sequence

import psutil

from benchmarks.figures import Figure, Unit
from benchmarks.floors import API_LIBRARIES, CHILD_LIBRARIES, WORKER_LIBRARIES, load
from benchmarks.stage import Stage


def measure(stage: Stage) -> Iterator[Figure]:
    """Look at the memory of all Python processes.

    Parameters
    ----------
    stage
        With an archive that has done everything that is measured.

    Yields
    ------
    Figure
        One for each kind of process; a run is a process.
    """
    supervisor = psutil.Process(stage.service.process.pid)
    serve, worker = _child(supervisor, "serve"), _child(supervisor, "worker")
    api = _children(serve)
    renderers = [child for process in api for child in _children(process)]
    yield _figure("supervisor", [supervisor], ())
    yield _figure("parent of the API processes", [serve], ("uvicorn",))
    yield _figure("API process", api, API_LIBRARIES)
    yield _figure("child of an API process", renderers, CHILD_LIBRARIES)
    yield _figure("worker", [worker], WORKER_LIBRARIES)
    yield _figure("child of the worker", _children(worker), CHILD_LIBRARIES)


def _child(supervisor: psutil.Process, command: str) -> psutil.Process:
    """Find the process of a command of ours."""
    (found,) = [child for child in supervisor.children() if child.cmdline()[-1] == command]
    return found


def _children(process: psutil.Process) -> list[psutil.Process]:
    """List the processes that work for another one."""
    return [
        child
        for child in process.children()
        if not any("resource_tracker" in word for word in child.cmdline())
    ]


def _figure(name: str, processes: Sequence[psutil.Process], libraries: tuple[str, ...]) -> Figure:
    values = tuple(process.memory_info().rss / 1e6 for process in processes)
    floor_name = f"Python with {', '.join(libraries)}" if libraries else "Python alone"
    return Figure(f"memory: {name}", values, Unit.MB, load(libraries).rss_mb, floor_name)
