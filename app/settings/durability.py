"""The settings that keep the archive whole: trash, verification, second copies, full disks."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class DurabilitySettings(BaseSettings):
    """What is kept, looked after, and for how long."""

    model_config = SettingsConfigDict(frozen=True, use_attribute_docstrings=True)

    trash_days: Annotated[int, Field(ge=0, le=36_500)] = 30
    """How long the files of a deleted frame stay in the trash, from where they can be brought back
    [days]."""

    second_store_dir: Path | None = None
    """Folder that holds a second copy of the archived files under the same paths, such as the
    `archive` folder of a backup; a verification that mends takes good copies from there."""

    verify_bytes_per_s: Annotated[int, Field(ge=0)] = 50_000_000
    """How fast stored files are read again by a verification [byte/s]; 0 for no limit."""

    upkeep_hour_utc: Annotated[int, Field(ge=0, le=23)] = 12
    """Hour of the day (UTC) at which the worker verifies the archive, clears away what crashes left
    behind, and empties the trash of what has expired."""
