"""No process that others depend on decodes what came from outside."""

import subprocess
import sys

import pytest

LIGHT = frozenset(
    {
        "dialects", "errors", "header", "keyword_tables", "keywords", "merging", "models",
        "repairs", "results", "safe_names", "template", "template_functions",
    }
)  # fmt: skip
"""Modules of `app.fits` that parents may import: values, names and templates, no bytes."""


@pytest.mark.parametrize("module", ["app.main", "worker.main", "app.context", "app.supervisor"])
def test_a_parent_never_loads_a_decoder(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded = {name.removeprefix("app.fits.") for name in done.stdout.split() if "app.fits." in name}
    assert loaded <= LIGHT
