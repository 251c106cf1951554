"""Imports point down, and each process loads only what it needs."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_import_rules_hold() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(  # noqa: S603  # our own command
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        (
            "worker.main",
            {"fastapi", "starlette", "uvicorn", "astropy", "fitsio", "PIL", "numpy", "pyarrow"},
        ),
        ("app.main", {"astropy", "fitsio", "PIL", "cmap", "pyarrow", "worker"}),
        ("app.serving", {"fastapi", "sqlalchemy", "astropy", "worker"}),
        ("app.cli", {"astropy", "fitsio", "PIL", "fastapi", "sqlalchemy"}),
        ("app.supervisor", {"astropy", "fitsio", "PIL", "fastapi", "worker"}),
    ],
)
def test_a_process_does_not_load_what_it_does_not_need(module: str, forbidden: set[str]) -> None:
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()) & forbidden == set()
