"""What the machine does at best: the same work without an archive around it."""

import asyncio
import hashlib
import io
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from multiprocessing.pool import Pool
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from app.db.embedded import EmbeddedPostgres
from benchmarks.driver import BLOCK_BYTES

API_LIBRARIES = ("fastapi", "uvicorn", "sqlalchemy.ext.asyncio", "asyncpg", "pydantic_settings")
WORKER_LIBRARIES = ("sqlalchemy.ext.asyncio", "asyncpg", "pydantic_settings", "structlog")
CHILD_LIBRARIES = ("numpy", "astropy.io.fits", "astropy.wcs", "PIL.Image")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A Python that loaded some libraries.

    Attributes
    ----------
    took_s
        From its start to its end [s].
    rss_mb
        Resident memory [MB].
    """

    took_s: float
    rss_mb: float


def load(libraries: tuple[str, ...]) -> Loaded:
    """Load libraries in a Python of their own.

    Parameters
    ----------
    libraries
        Names of modules; none for Python alone.

    Returns
    -------
    Loaded
        What it cost.
    """
    imports = "".join(f"import {name}\n" for name in libraries)
    program = f"{imports}import psutil\nprint(psutil.Process().memory_info().rss)"
    begun = time.perf_counter()
    done = subprocess.run(  # noqa: S603  # a program of our own
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    return Loaded(time.perf_counter() - begun, int(done.stdout) / 1e6)


@dataclass(frozen=True, slots=True)
class PostgresAlone:
    """The embedded server without anything around it.

    Attributes
    ----------
    first_start_s, second_start_s
        To the first connection, with and without making the cluster [s].
    stop_s
        To its end [s].
    """

    first_start_s: float
    second_start_s: float
    stop_s: float


def run_postgres(folder: Path) -> PostgresAlone:
    """Start, stop, start and stop an embedded server.

    Parameters
    ----------
    folder
        Of the server; does not exist yet.

    Returns
    -------
    PostgresAlone
        How long it took.
    """

    async def both() -> tuple[float, float]:
        server = EmbeddedPostgres(folder)
        begun = time.perf_counter()
        await server.start()
        started = time.perf_counter()
        await server.stop()
        return started - begun, time.perf_counter() - started

    first_start_s, first_stop_s = asyncio.run(both())
    second_start_s, second_stop_s = asyncio.run(both())
    return PostgresAlone(first_start_s, second_start_s, max(first_stop_s, second_stop_s))


def copy_and_sync(path: Path, folder: Path) -> float:
    """Copy a file, hash it on the way, and wait until it is on the disk.

    Parameters
    ----------
    path
        The file.
    folder
        Where to.

    Returns
    -------
    float
        How long it took [s].
    """
    begun = time.perf_counter()
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as source, (folder / path.name).open("wb") as target:
        while block := source.read(BLOCK_BYTES):
            digest.update(block)
            target.write(block)
        target.flush()
        os.fsync(target.fileno())
    return time.perf_counter() - begun


def copy_and_sync_all(paths: list[Path], folder: Path, pool: Pool) -> float:
    """Copy files with all processes of a pool.

    Parameters
    ----------
    paths
        The files.
    folder
        Where to.
    pool
        Processes, already started.

    Returns
    -------
    float
        How long it took [s].
    """
    begun = time.perf_counter()
    pool.starmap(copy_and_sync, [(path, folder) for path in paths], chunksize=1)
    return time.perf_counter() - begun


def draw(path: Path, shape: tuple[int, int], width_px: int) -> float:
    """Draw a frame of uint16 in the plainest way: every n-th pixel, between two percentiles.

    Parameters
    ----------
    path
        One image of 16 bit, BZERO 32768, in the primary HDU.
    shape
        Height and width [pixel].
    width_px
        About the width of the PNG [pixel].

    Returns
    -------
    float
        How long it took [s].
    """
    begun = time.perf_counter()
    image = read_strided(path, shape, -(-shape[1] // width_px))
    low, high = np.percentile(image, (1, 99.5))
    grey = np.clip((image - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    Image.fromarray(grey).save(io.BytesIO(), "PNG")
    return time.perf_counter() - begun


def read_strided(path: Path, shape: tuple[int, int], step: int) -> npt.NDArray[np.float32]:
    """Read every n-th pixel of a frame as it is described at `draw`.

    Parameters
    ----------
    path, shape
        See `draw`.
    step
        Every how many rows and columns.

    Returns
    -------
    numpy.ndarray
        ``(height / step, width / step)``, the last row first [adu].
    """
    pixels = shape[0] * shape[1]
    offset = path.stat().st_size - -(-2 * pixels // 2880) * 2880  # FITS standard 4.0, 3.1: blocks
    stored = np.fromfile(path, ">i2", pixels, offset=offset).reshape(shape)
    return stored[::-step, ::step].astype(np.float32) + np.float32(32768)
