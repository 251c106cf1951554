"""The aggregate: six sorted lists within a selection."""

import pytest

from tests.support.frames import FUTURE, a_frame
from tests.support.pyobs import Pyobs

pytestmark = pytest.mark.asyncio

KEYS = ["imagetypes", "sites", "telescopes", "instruments", "filters", "binnings"]


async def test_pyo_20_the_values_of_a_selection(pyobs: Pyobs) -> None:
    sessions = pyobs.archive.sessions
    await a_frame(sessions, filter_name="V", x_binning=2, y_binning=2)
    await a_frame(sessions, filter_name=None, image_type_raw="bias")
    await a_frame(sessions, filter_name=None, image_type_raw="dark", telescope=None)
    await a_frame(sessions, filter_name="B", site="tlv", instrument="Zcam")
    await a_frame(sessions, filter_name="I", site="hidden", public_at=FUTURE)
    answer = await pyobs.get("frames/aggregate/")
    assert answer.json() == {
        "imagetypes": ["bias", "dark", "object"],
        "sites": ["tlv", "tst"],
        "telescopes": ["1m0a"],
        "instruments": ["Zcam", "cam1"],
        "filters": ["B", "None", "V"],
        "binnings": ["1x1", "2x2"],
    }
    assert list(answer.json()) == KEYS
    filters = {"SITE=tlv": ["B"], "FILTER=V": ["V"], "FILTER=None": ["None"], "SITE=x": []}
    for query, expected in filters.items():
        body = (await pyobs.get(f"frames/aggregate?{query}")).json()
        assert body["filters"] == expected, query
    window = (await pyobs.get("frames/aggregate/", limit="0", offset="9")).json()
    assert window == answer.json()


async def test_pyo_20_a_filter_of_that_name_and_none(pyobs: Pyobs) -> None:
    await a_frame(pyobs.archive.sessions, filter_name="None")
    await a_frame(pyobs.archive.sessions, filter_name=None)
    assert (await pyobs.get("frames/aggregate/")).json()["filters"] == ["None"]


async def test_pyo_20_an_empty_archive(pyobs: Pyobs) -> None:
    assert (await pyobs.get("frames/aggregate/")).json() == {key: [] for key in KEYS}
