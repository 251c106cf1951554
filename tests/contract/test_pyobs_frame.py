"""One frame, its relations, its header."""

import pytest

from app.frames.models import HeaderOfHdu
from tests.support.frames import FUTURE, a_frame, a_header
from tests.support.pyobs import FRAME_INFO, Pyobs

pytestmark = pytest.mark.asyncio

NOT_FOUND = {"detail": "Not found."}
PARTS = ["", "related/", "headers/", "preview/", "download/", "catalog/"]


def an_hdu(index: int, name: str, *cards: tuple[str, object]) -> HeaderOfHdu:
    return HeaderOfHdu(index, name, "image", tuple((key, value, "") for key, value in cards))


async def test_pyo_30_one_frame(pyobs: Pyobs) -> None:
    made = await a_frame(pyobs.archive.sessions, "target-1")
    (listed,) = (await pyobs.get("frames/")).json()["results"]
    for path in (f"frames/{made.id}/", f"frames/{made.id}"):
        answer = await pyobs.get(path)
        assert (answer.status_code, answer.history) == (200, [])
        assert answer.json().keys() == FRAME_INFO
        assert answer.json() == listed


@pytest.mark.parametrize("part", PARTS)
async def test_pyo_30_unknown_hidden_and_malformed_ids(pyobs: Pyobs, part: str) -> None:
    hidden = await a_frame(pyobs.archive.sessions, proposal="P-7", public_at=FUTURE)
    for number in (hidden.id, 999_999, "x", "-1", "0", "1.5", "9" * 19, "9" * 30, "image"):
        answer = await pyobs.get(f"frames/{number}/{part}")
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND), number


async def test_pyo_31_related_one_way(pyobs: Pyobs) -> None:
    sessions = pyobs.archive.sessions
    flat = await a_frame(sessions, "flat")
    bias = await a_frame(sessions, "bias")
    hidden = await a_frame(sessions, "hidden", proposal="P-7", public_at=FUTURE)
    names = ["flat", "bias", "hidden", "never-seen"]
    reduced = await a_frame(sessions, "reduced", related=names)
    related = (await pyobs.get(f"frames/{reduced.id}/related/")).json()
    assert isinstance(related, list)
    assert [item["id"] for item in related] == [flat.id, bias.id]
    assert all(item.keys() == FRAME_INFO for item in related)
    info = (await pyobs.get(f"frames/{reduced.id}/")).json()
    assert info["related_frames"] == [flat.id, bias.id]
    for frame_id in (flat.id, bias.id):
        assert (await pyobs.get(f"frames/{frame_id}/related/")).json() == []
        assert (await pyobs.get(f"frames/{frame_id}/")).json()["related_frames"] == []
    assert (await pyobs.get(f"frames/{hidden.id}/related/")).json() == NOT_FOUND


async def test_pyo_32_headers_of_the_science_hdu(pyobs: Pyobs) -> None:
    cards = [
        ("XTENSION", "IMAGE"), ("EXTNAME", "SCI"), ("OBJECT", "M 67"), ("EXPTIME", 12.5),
        ("NAXIS", 2), ("DATE-OBS", "2026-11-19"), ("CLOUDS", None), ("ISGOOD", True),
        ("COMMENT", "a comment"), ("HISTORY", "long ago"), ("", "blank"),
    ]  # fmt: skip
    primary = a_header(OBJECT="of the primary", ORIGIN="tlv")
    hdus = [primary, an_hdu(1, "ERR", ("EXTNAME", "ERR")), an_hdu(2, "SCI", *cards)]
    made = await pyobs.a_file("sci", b"bytes", hdus=hdus, science_hdu=2)
    answer = await pyobs.get(f"frames/{made.id}/headers/")
    assert answer.json() == {
        "results": [
            {"key": "CLOUDS", "value": None},
            {"key": "DATE-OBS", "value": "2026-11-19"},
            {"key": "EXPTIME", "value": 12.5},
            {"key": "EXTNAME", "value": "SCI"},
            {"key": "ISGOOD", "value": True},
            {"key": "NAXIS", "value": 2},
            {"key": "OBJECT", "value": "M 67"},
            {"key": "XTENSION", "value": "IMAGE"},
        ]
    }


async def test_pyo_32_headers_where_no_hdu_is_named_sci(pyobs: Pyobs) -> None:
    hdus = [a_header(OBJECT="M 67", ORIGIN="tlv"), an_hdu(1, "", ("EXPTIME", 5.0))]
    made = await pyobs.a_file("nameless", b"bytes", hdus=hdus, science_hdu=1)
    results = (await pyobs.get(f"frames/{made.id}/headers/")).json()["results"]
    assert {card["key"]: card["value"] for card in results} == {
        "EXPTIME": 5.0,
        "OBJECT": "M 67",
        "ORIGIN": "tlv",
    }
