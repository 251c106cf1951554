"""What is fuzzed: bytes → value or `ArchiveError`. Anything else that comes out is a fault."""

import json
import math
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import fields, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from app.core.errors import ArchiveError
from app.core.sky_polygon import polygon_of
from app.fits.checksums import ChecksumCheck
from app.fits.container import opened
from app.fits.footprint import measure
from app.fits.hdus import read_hdus, science_index
from app.fits.keywords import BUILT_IN
from app.fits.layout import raw_cards, units_of
from app.fits.metadata import read_metadata
from app.fits.models import Container, Footprint, Hdu, HduKind, Metadata, Reading
from app.fits.pack import pack
from app.fits.repairs import Repairs
from app.fits.safe_names import check_path
from app.fits.table import write_catalog_csv, write_catalog_fits
from app.fits.template import fields_of, parse_template
from app.fits.unpack import unpack
from app.ingest.facts import facts_of, headers_of
from app.ingest.naming import merged_cards
from app.ingest.publicity import Publicity
from app.ingest.rules import Rules, make_rules
from app.previews.models import ColorMap, Interval, PictureFormat, PreviewSpec, Stretch
from app.previews.render import render
from app.previews.thumbnail_models import ThumbnailSpec
from app.previews.thumbnail_render import render_thumbnail
from app.settings import load_settings
from app.settings.ingest import IngestRules
from app.storage.protocol import check_key

Target = Callable[[bytes], None]

MAX_INTEGER: Final = 2**63 - 1
MAX_SENTENCES: Final = 51
_SHM = Path("/dev/shm")  # noqa: S108  # a folder in memory, where there is one
SCRATCH: Final = _SHM if _SHM.is_dir() else None

TEMPLATES: Final = tuple(
    parse_template(text, kind="path")
    for text in (
        "{SITEID}/{TELID}/{DAY-OBS}",
        "{site}/{instrument}/{night}/{object|lower}-{exposure}",
        "{OBJECT}{FILTER}/{DATE-OBS}",
        "x{HIERARCH ESO DET ID}/{EXPTIME}{proposal}{user}{level}{stage}",
    )
)


def header(data: bytes) -> None:
    """Read all headers of a file, and hold them to what the catalogue takes."""
    with _file(data) as path:
        _, hdus, sentences = _hdus(path)
    _check_texts(sentences)
    assert len(sentences) <= MAX_SENTENCES
    for hdu in hdus:
        _check_texts([hdu.name, *_texts_of(hdu)])
        json.dumps(
            [(card.keyword, card.value, card.comment) for card in hdu.cards], allow_nan=False
        )
        assert all(length >= 0 for length in hdu.shape), hdu.shape


def metadata(data: bytes) -> None:
    """Read what the headers say, and hold it to what the database takes."""
    with _file(data) as path:
        container, hdus, _ = _hdus(path)
    reading = _reading(container, hdus)
    _check_metadata(reading.metadata)
    facts = facts_of(reading, Publicity(None), default_site="tst")
    assert facts.width_px is None or 0 <= facts.width_px <= MAX_INTEGER
    assert facts.request_id is None or abs(facts.request_id) <= MAX_INTEGER
    assert len(headers_of(reading)) == len(hdus)


def footprint(data: bytes) -> None:
    """Measure the sky area of the first header as if it were an image's."""
    with _file(data) as path:
        _, hdus, _ = _hdus(path)
        for hdu in hdus[:3]:
            image = replace(hdu, kind=HduKind.IMAGE, shape=_some_shape(hdu))
            with suppress(ArchiveError):
                _check_area(measure(image, path))


def template(data: bytes) -> None:
    """Name the frame by every rule set and some templates."""
    with _file(data) as path:
        container, hdus, _ = _hdus(path)
    reading = _reading(container, hdus)
    cards = merged_cards(reading)
    for path_formatter in TEMPLATES:
        with suppress(ArchiveError):
            check_path(path_formatter.render(cards, fields_of(reading.metadata)))
    filename = str(cards.get("FILENAME") or "frame.fits").rpartition("/")[2]
    for rules in _all_rules():
        with suppress(ArchiveError):
            _name(rules, reading, filename)


def preview(data: bytes) -> None:
    """Render a picture, a thumbnail and the catalogue."""
    with _file(data) as path:
        with suppress(ArchiveError):
            assert render(path, _spec(data))
        with suppress(ArchiveError):
            assert render_thumbnail(path, ThumbnailSpec(median=bool(data[-1:] > b"\x80")))
        with suppress(ArchiveError):
            write_catalog_csv(path, path.with_name("catalog.csv"))
        with suppress(ArchiveError):
            write_catalog_fits(path, path.with_name("catalog.fits"))


def packing(data: bytes) -> None:
    """Pack a file, unpack what came of it, and compare; unpack the file itself, too."""
    with _file(data) as path:
        packed, again = path.with_name("packed.fits.fz"), path.with_name("again.fits")
        with suppress(ArchiveError):
            if pack(path, packed, must_shrink=False).packed:
                unpack(packed, again)
                _check_same(path, again)
        with suppress(ArchiveError):
            unpack(path, again)


TARGETS: Final[dict[str, Target]] = {
    "header": header,
    "metadata": metadata,
    "footprint": footprint,
    "template": template,
    "preview": preview,
    "pack": packing,
}
"""Name of a target → what it does with the bytes; an `ArchiveError` may come out."""


def run(name: str, data: bytes) -> None:
    """Try some bytes on a target; what it raises is a fault."""
    with suppress(ArchiveError):
        TARGETS[name](data)


class _file:  # noqa: N801  # used as a function
    """A file with these bytes in a folder of its own, for the length of a block."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._folder = tempfile.TemporaryDirectory(dir=SCRATCH, prefix="fuzz-")

    def __enter__(self) -> Path:
        path = Path(self._folder.name) / "a.fits"
        path.write_bytes(self._data)
        return path

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()


def _hdus(path: Path) -> tuple[Container, tuple[Hdu, ...], tuple[str, ...]]:
    repairs = Repairs()
    with opened(path) as (container, source):
        hdus = read_hdus(source, repairs, ChecksumCheck())
        source.drain()
    return container, hdus, repairs.sentences()


def _reading(container: Container, hdus: tuple[Hdu, ...]) -> Reading:
    index, repairs = science_index(hdus), Repairs()
    science = None if index is None else hdus[index]
    found = read_metadata(hdus, science, None, BUILT_IN, repairs)
    return Reading(container, hdus, index, found, None, repairs.sentences())


def _texts_of(hdu: Hdu) -> Iterable[str]:
    for card in hdu.cards:
        yield card.keyword
        yield card.comment
        if isinstance(card.value, str):
            yield card.value


def _check_texts(texts: Iterable[str]) -> None:
    """PostgreSQL takes no NUL and no half characters, and logs no control characters."""
    for text in texts:
        text.encode("utf-8")
        assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text)


def _check_metadata(found: Metadata) -> None:
    for each in fields(Metadata):
        value = getattr(found, each.name)
        if isinstance(value, str):
            _check_texts([value])
        elif isinstance(value, float):
            assert math.isfinite(value), each.name
        elif isinstance(value, int):
            assert abs(value) < 2**31, each.name
        elif isinstance(value, datetime):
            assert value.utcoffset() is not None, each.name
    _check_texts(found.related)


def _some_shape(hdu: Hdu) -> tuple[int, ...]:
    return hdu.shape if hdu.shape and all(hdu.shape) else (100, 80)


def _check_area(area: Footprint | None) -> None:
    if area is None:
        return
    assert len(area.vertices_deg) >= 3
    assert 0 < area.radius_deg < 90
    for ra_deg, dec_deg in (*area.vertices_deg, (area.center_ra_deg, area.center_dec_deg)):
        assert 0 <= ra_deg < 360
        assert -90 <= dec_deg <= 90
    polygon = polygon_of(area.vertices_deg)
    assert all(map(math.isfinite, polygon.flat()))
    polygon.box()


@cache
def _all_rules() -> tuple[Rules, ...]:
    return tuple(
        make_rules(load_settings(secret_key="k" * 40, _env_file=None, ingest_rules=each))
        for each in IngestRules
    )


def _name(rules: Rules, reading: Reading, filename: str) -> None:
    rules.check_name(filename)
    prepared = rules.prepare(reading, filename)
    destination = rules.naming.destination(prepared, filename)
    check_key(destination.key(1))
    check_key(destination.packed().key(123_456))
    rules.public_dates.publicity(prepared.metadata, destination.basename, frozenset())


def _spec(data: bytes) -> PreviewSpec:
    """Choose a wish by the bytes, always the same one."""
    number = zlib.crc32(data)
    interval = list(Interval)[number % 3]
    return PreviewSpec(
        width_px=(1, 37, 600, 4096)[number // 3 % 4],
        format=list(PictureFormat)[number // 12 % 3],
        stretch=list(Stretch)[number // 36 % 4],
        interval=interval,
        lower=0.0 if interval is Interval.MINMAX and number & 1 else None,
        cmap=list(ColorMap)[number // 144 % len(ColorMap)],
        ext=(None, None, 0, 1, "SCI")[number // 1728 % 5],
        trimmed=bool(number & 2),
    )


def _check_same(original: Path, again: Path) -> None:
    """Plain images and what is no image come back as they were, but for what fills up blocks."""
    first, second = units_of(original), units_of(again)
    before, after = original.read_bytes(), again.read_bytes()
    if b"ZIMAGE" in before:
        return
    assert len(first) == len(second), (len(first), len(second))
    for unit, other in zip(first, second, strict=True):
        length = unit.data_bytes or unit.end_at - unit.data_at
        data = before[unit.data_at : unit.data_at + length]
        assert data == after[other.data_at : other.data_at + length]
        lost = Counter(raw_cards(original, unit)) - Counter(raw_cards(again, other))
        assert not lost, lost
