"""Time whole lists as files, and watch the memory of the API meanwhile.

``python -m benchmarks.exporting --frames 100000`` runs the real `skyshelf up` in its own folder,
puts frames into its catalogue that have no bytes, and fetches the list in every form.
"""

import asyncio
import sys
import tempfile
import threading
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Annotated, Final, Self

import asyncpg
import psutil
import typer
from sqlalchemy.engine import make_url

from app.db.embedded import EmbeddedPostgres
from benchmarks.driver import UnexpectedAnswerError
from benchmarks.service import Service, running

_FORMS: Final = ("json", "csv", "votable", "parquet")
_POLL_S: Final = 0.05

_FRAMES: Final = """
INSERT INTO files (id, key, name, size_bytes, md5, sha256, crc32, content_type)
SELECT n, 'made/' || n || '.fits', 'frame-' || n || '.fits', 8391680, md5(n::text),
       repeat(md5(n::text), 2), 0, 'image/fits' FROM generate_series(1000001, 1000000 + $1::int) n;
INSERT INTO frames (id, basename, site, telescope, instrument, observation_type, image_type_raw,
                    filter_name, exposure_s, observed_at, day_obs, night, object_name, proposal,
                    request_text, reduction_level, width_px, height_px, x_binning, y_binning,
                    airmass, public_at, has_versions, area, area_box)
SELECT n, 'frame-' || n, 'tlv', '1m0a', 'cam1', 'EXPOSE', 'object', 'V', 60,
       '2016-01-01'::timestamptz + n * interval '30.25 s', '2016-01-01', '2016-01-01', 'M 67',
       'P2016-' || n % 50, n::text, 0, 2048, 2048, 1, 1, 1 + random(), '2020-01-01', true,
       a, cube(a[1:3], a[7:9])
FROM generate_series(1000001, 1000000 + $1::int) n,
     LATERAL (SELECT '{0.9,0.1,0.2, 0.9,0.2,0.2, 0.8,0.2,0.3, 0.8,0.1,0.3}'::float8[]) t(a);
INSERT INTO frame_versions (frame_id, file_id, key, extension, received_name, received_size_bytes,
                            received_md5, received_sha256, repairs, science_hdu)
SELECT n, n, md5(n::text), '.fits', 'frame-' || n || '.fits', 8391680, md5(n::text),
       repeat(md5(n::text), 2), '{}', 0 FROM generate_series(1000001, 1000000 + $1::int) n;
INSERT INTO header_values (frame_id, keyword, number)
SELECT n, 'KEY' || k, random() FROM generate_series(1000001, 1000000 + $1::int) n,
       generate_series(1, 10) k;
"""


class _Watch:
    """The most memory that the API processes take together while something goes on."""

    def __init__(self, service: Service) -> None:
        supervisor = psutil.Process(service.process.pid)
        self._processes = [
            api
            for child in supervisor.children()
            if child.cmdline()[-1] == "serve"
            for api in child.children()
        ]
        self._over = threading.Event()
        self._most_mb = 0.0
        self._thread = threading.Thread(target=self._look)

    def rss_mb(self) -> float:
        """Give the largest of them now."""
        return max(process.memory_info().rss for process in self._processes) / 1e6

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(_POLL_S):
            self._most_mb = max(self._most_mb, self.rss_mb())

    @property
    def most_mb(self) -> float:
        """The most that was seen of one process."""
        return self._most_mb


async def _fill(service: Service, frames: int) -> None:
    """Put frames into the catalogue."""
    url = await EmbeddedPostgres(service.data_dir / "postgres").start()
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(plain)
    for statement in _FRAMES.split(";\n"):
        if statement.strip():
            await connection.execute(statement, frames)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


def _fetch(service: Service, path: str) -> tuple[float, float, int]:
    """Fetch a path; give when the first byte came and the last one [s], and how many [byte].

    Raises
    ------
    UnexpectedAnswerError
        If the status is not 200.
    """
    connection = HTTPConnection("127.0.0.1", service.port, timeout=600)
    begun = time.perf_counter()
    connection.request("GET", path)
    response = connection.getresponse()
    if response.status != 200:
        raise UnexpectedAnswerError(f"GET {path}: {response.read()!r}")
    size_bytes = len(response.read(1))
    first_s = time.perf_counter() - begun
    while piece := response.read(1 << 20):
        size_bytes += len(piece)
    connection.close()
    return first_s, time.perf_counter() - begun, size_bytes


def _measure(service: Service, name: str, paths: list[str]) -> None:
    """Fetch paths one after the other, and say what it took."""
    watch = _Watch(service)
    before_mb = watch.rss_mb()
    with watch:
        got = [_fetch(service, path) for path in paths]
    first_s, total_s = got[0][0], sum(one[1] for one in got)
    size_mb = sum(one[2] for one in got) / 1e6
    sys.stdout.write(
        f"{name:<32} first byte {first_s:6.2f} s  whole {total_s:7.2f} s  {size_mb:7.1f} MB"
        f"  memory of the API {before_mb:5.0f} -> {watch.most_mb:5.0f} MB\n"
    )
    sys.stdout.flush()


def main(frames: Annotated[int, typer.Option(help="How many frames.")] = 10_000) -> None:
    """Fetch a list in every form."""
    with (
        tempfile.TemporaryDirectory(prefix="skyshelf-bench-") as folder,
        running(Path(folder) / "data") as service,
    ):
        asyncio.run(_fill(service, frames))
        pages = [f"/frames/?limit=1000&offset={offset}" for offset in range(0, frames, 1000)]
        _measure(service, f"json, {len(pages)} pages of 1000", pages)
        for form in _FORMS[1:]:
            _measure(service, form, [f"/frames/?format={form}"])
        cards = "basename,observation_date,header.KEY1,header.KEY2"
        _measure(service, "csv, 2 columns and 2 cards", [f"/frames/?format=csv&fields={cards}"])


if __name__ == "__main__":
    typer.run(main)
