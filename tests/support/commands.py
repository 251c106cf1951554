"""The ``skyshelf`` command on an archive whose database is in the server of the tests."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.running_archive import ROOT


@dataclass
class House:
    """One installation, its database in the server of the tests."""

    folder: Path
    database_url: str

    def run(self, *words: str, code: int = 0) -> tuple[list[str], str]:
        """Run a command; return the lines it said, and what it said of trouble."""
        environment = os.environ | {
            "SKYSHELF_DATA_DIR": str(self.folder / "var"),
            "SKYSHELF_DATABASE_URL": self.database_url,
            "PYTHONPATH": str(ROOT),
        }
        done = subprocess.run(  # noqa: S603  # constants
            [sys.executable, "-m", "app.cli", *words],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout.splitlines(), done.stderr
