"""Whatever stands in a parameter: an answer or the dialect's own 400, and never a 500."""

import string
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, SearchStrategy

from app.api.pyobs.parameters import FiltersIn
from tests.support.pyobs import Pyobs

pytestmark = pytest.mark.asyncio

LISTS = ("frames/", "frames/aggregate/", "frames/zip/")
WINDOW = ("offset", "limit")
ORDER = ("sort", "order", "asc")
PARAMETERS = (*FiltersIn.model_fields, *WINDOW, *ORDER)
TYPED = {"RLEVEL", "EXPTIME", "night", "start", "end", "RA", "DEC", "binning", *WINDOW, "sort"}
"""Parameters that refuse text without a meaning; the others search for it."""

GARBAGE = [
    "x", "nan", "-inf", "1e999", "1,5", "0x10", "--1", "1;DROP TABLE frames", "' OR 1=1", "%", "\\",
    "2026-02-30", "99999-01-01", "0000-00-00", "2x", "x2", "0x0", "2x2x2", "[]", "{}", "null", "\n",
    "😀", "٣٤", "9" * 5000, "A" * 5000,
]  # fmt: skip


async def check(pyobs: Pyobs, query: str, paths: tuple[str, ...] = LISTS) -> None:
    """Ask lists; what is refused is refused by the name of a parameter."""
    allowed = {f"Invalid value for {name}." for name in PARAMETERS}
    allowed |= {"Invalid values for offset/limit.", "no frames are selected"}
    for path in paths:
        answer = await pyobs.get(f"{path}?{query}")
        assert answer.status_code in {200, 400}, (path, query, answer.text)
        if answer.status_code == 200:
            continue
        assert answer.headers["content-type"] == "application/json"
        assert list(answer.json()) == ["detail"], (path, query)
        assert answer.json()["detail"] in allowed, (path, query)


@pytest.mark.parametrize("name", PARAMETERS)
async def test_pyo_11_12_garbage_in_any_parameter(pyobs: Pyobs, name: str) -> None:
    await pyobs.a_file("a", b"bytes")
    for value in GARBAGE:
        await check(pyobs, urlencode({name: value}), LISTS[:1])
    for path in LISTS if name in TYPED else ():
        assert (await pyobs.get(path, **{name: "x"})).status_code == 400 or (
            name in {"sort", *WINDOW} and path == "frames/aggregate/"
        )


async def test_pyo_12_what_is_no_text(pyobs: Pyobs) -> None:
    for name in PARAMETERS:
        for value in ("%00", "%ff", "%ed%a0%80"):
            answer = await pyobs.get(f"frames/?{name}={value}")
            assert (answer.status_code, list(answer.json())) == (400, ["detail"])


def values() -> SearchStrategy[str]:
    """Draw what is nearly right, and what is not at all."""
    text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
    nearly = st.text(string.digits + "-+.:xTZe ", max_size=25)
    numbers = st.one_of(st.integers(), st.floats()).map(str)
    moments = st.datetimes().map(lambda moment: moment.isoformat())
    words = st.sampled_from(["", "ALL", "None", "asc", "desc", "DATE_OBS", "related", "2x2", "0"])
    return st.one_of(text, nearly, numbers, moments, words)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
async def test_pyo_10_12_14_any_query_is_answered(pyobs: Pyobs, data: DataObject) -> None:
    drawn = data.draw(st.dictionaries(st.sampled_from(PARAMETERS), values(), max_size=6))
    await check(pyobs, urlencode(drawn))
