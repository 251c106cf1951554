"""No process that others depend on decodes what came from outside."""

import subprocess
import sys

LIGHT = frozenset(
    {
        "dialects", "errors", "header", "keyword_tables", "keywords", "merging", "models",
        "repairs", "results", "safe_names", "template", "template_functions",
    }
)  # fmt: skip
"""Modules of `app.fits` that parents may import: values, names and templates, no bytes."""


PARENTS = ("app.main", "worker.main", "app.context", "app.supervisor")


def test_parents_never_load_a_decoder() -> None:
    code = f"import sys, {', '.join(PARENTS)}; print(*sys.modules)"
    done = subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded = {name.removeprefix("app.fits.") for name in done.stdout.split() if "app.fits." in name}
    assert loaded
    assert loaded <= LIGHT
