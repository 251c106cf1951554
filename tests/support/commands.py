"""The ``skyshelf`` command on an archive whose database is in the server of the tests."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.running_archive import environment_of


@dataclass
class House:
    """One installation, its database in the server of the tests."""

    folder: Path
    database_url: str
    settings: dict[str, object] = field(default_factory=dict)

    def run(self, *words: str, code: int = 0) -> tuple[list[str], str]:
        """Run a command; return the lines it said, and what it said of trouble."""
        own = {"data_dir": self.folder / "var", "database_url": self.database_url}
        settings = {**own, **self.settings}
        said, refused = skyshelf(*words, folder=self.folder, settings=settings, code=code)
        return said.splitlines(), refused


def skyshelf(
    *words: str, folder: Path, settings: Mapping[str, object], code: int = 0, stdin: str = ""
) -> tuple[str, str]:
    """Run a command; return what it said on standard output and standard error."""
    done = subprocess.run(  # noqa: S603  # constants
        [sys.executable, "-m", "app.cli", *words],
        cwd=folder,
        env=environment_of(**settings),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout, done.stderr
