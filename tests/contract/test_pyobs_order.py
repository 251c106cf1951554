"""The order: the decision table, every column, what is none."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.frames import OBSERVED, a_frame
from tests.support.pyobs import Pyobs

pytestmark = pytest.mark.asyncio

TABLE = {
    "": "abc",
    "sort=EXPTIME": "bca",
    "sort=EXPTIME&order=asc": "bca",
    "sort=EXPTIME&order=desc": "acb",
    "sort=EXPTIME&order=desc&asc=true": "acb",
    "sort=DATE_OBS&order=DESC": "cba",
    "sort=EXPTIME&order=": "bca",
    "order=asc": "abc",
    "order=desc": "cba",
    "order=desc&asc=true": "cba",
    "order=EXPTIME": "acb",
    "order=EXPTIME&asc=true": "bca",
    "order=EXPTIME&asc=1": "bca",
    "order=EXPTIME&asc": "bca",
    "order=EXPTIME&asc=": "bca",
    "order=EXPTIME&asc=whatever": "bca",
    "order=EXPTIME&asc=false": "acb",
    "order=EXPTIME&asc=0": "acb",
    "order=EXPTIME&asc=no": "acb",
    "asc=true": "abc",
    "asc=false": "abc",
    "sort=&order=&asc=": "abc",
    "ordering=-observation_date": "abc",
}
COLUMNS = [
    "id", "basename", "SITEID", "TELID", "INSTRUME", "IMAGETYP", "RLEVEL", "DATE_OBS", "night",
    "OBJECT", "EXPTIME", "FILTER", "XBINNING", "YBINNING", "width", "height", "REQNUM", "OBSNUM",
    "TEL_RA", "TEL_DEC", "TEL_ALT", "TEL_AZ", "TEL_FOCU", "SUNALT", "SUNDIST", "MOONALT",
    "MOONFRAC", "MOONDIST", "DATAMEAN", "OBSTYPE", "IMAGETYPE", "binning", "SITE", "TELESCOPE",
    "INSTRUMENT",
]  # fmt: skip


async def three(pyobs: Pyobs) -> None:
    for day, (name, exposure_s) in enumerate({"a": 3.0, "b": 1.0, "c": 2.0}.items()):
        at = OBSERVED + timedelta(days=day)
        await a_frame(pyobs.archive.sessions, name, observed_at=at, exposure_s=exposure_s)


async def test_pyo_14_the_table(pyobs: Pyobs) -> None:
    await three(pyobs)
    for query, expected in TABLE.items():
        answer = await pyobs.get(f"frames/?{query}")
        assert answer.status_code == 200, query
        names = "".join(item["basename"] for item in answer.json()["results"])
        assert names == expected, query


async def test_pyo_14_every_column_orders(pyobs: Pyobs) -> None:
    await three(pyobs)
    for column in COLUMNS:
        for query in ({"sort": column}, {"order": column}, {"sort": column, "order": "desc"}):
            assert sorted(await pyobs.found(**query)) == ["a", "b", "c"], query


async def test_pyo_14_some_columns(pyobs: Pyobs) -> None:
    rows: dict[str, dict[str, Any]] = {
        "a": {"x_binning": 2, "y_binning": 2, "image_type_raw": "bias"},
        "b": {"x_binning": 1, "y_binning": 2, "image_type_raw": "object"},
        "c": {"x_binning": 1, "y_binning": 1, "image_type_raw": "Dark"},
    }
    for name, facts in rows.items():
        await a_frame(pyobs.archive.sessions, name, **facts)
    assert await pyobs.found(sort="binning") == ["c", "b", "a"]
    assert await pyobs.found(order="binning") == ["a", "b", "c"]
    assert await pyobs.found(sort="OBSTYPE") == await pyobs.found(sort="IMAGETYP")
    assert await pyobs.found(sort="OBSTYPE", order="desc") in (["b", "a", "c"], ["b", "c", "a"])


async def test_pyo_14_what_is_no_column_or_direction(pyobs: Pyobs) -> None:
    wrong = {
        "sort=related": "sort",
        "sort=dateobs": "sort",
        "order=nothing": "sort",
        "order=-DATE_OBS": "sort",
        "sort=id&order=up": "order",
        "sort=id&order=EXPTIME": "order",
        "sort=%27%3B--": "sort",
    }
    for query, name in wrong.items():
        for path in ("frames/", "frames/zip/"):
            answer = await pyobs.get(f"{path}?{query}")
            assert (answer.status_code, query) == (400, query)
            assert answer.json() == {"detail": f"Invalid value for {name}."}
