"""What the ingest runs in child processes."""

from pathlib import Path
from typing import Final

from app.core.offload import Task
from app.fits.keywords import KeywordMap
from app.fits.models import Reading
from app.fits.results import PackResult

READ: Final = Task[[Path, KeywordMap], Reading]("app.fits.read:read_file")
PACK: Final = Task[[Path, Path], PackResult]("app.fits.pack:pack")
