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

    min_free_bytes: Annotated[int, Field(ge=0)] = 268_435_456
    """Room that is left alone on every disk [byte]: where less is free, nothing is taken in and the
    service is not ready, so that PostgreSQL, which stops on a full disk, goes on; 256 MiB by
    default."""

    cache_bytes: Annotated[int, Field(ge=0)] = 21_474_836_480
    """How much the cache of previews, thumbnails, packed and unpacked files may hold [byte]; what
    was not used for longest goes first, once a day; 20 GiB by default."""

    statement_s: Annotated[float, Field(ge=1, le=86_400)] = 120.0
    """How long PostgreSQL may work on one statement before it is stopped [s]; migrations and
    backups may take longer."""

    job_lease_s: Annotated[float, Field(ge=1, le=3600)] = 60.0
    """How long the files that a worker was filing rest after it has died, before another one takes
    them up [s]; 15 times as long for an upload whose API process has died."""

    upkeep_hour_utc: Annotated[int, Field(ge=0, le=23)] = 12
    """Hour of the day (UTC) at which the worker verifies the archive, clears away what crashes left
    behind, and empties the trash of what has expired."""
