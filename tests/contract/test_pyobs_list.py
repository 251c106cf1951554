"""The list: shape, pages, every filter."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.api.pyobs.parameters import FiltersIn
from app.api.pyobs.wire import FrameInfo, FrameListOut, frame_info
from app.frames.models import Frame
from tests.support.frames import DEFAULTS, FUTURE, OBSERVED, a_frame
from tests.support.pyobs import FRAME_INFO, Pyobs

AT = datetime(2026, 11, 19, 1, 2, 3, 456_789, tzinfo=UTC)

TARGET: dict[str, Any] = {
    "site": "tlv",
    "telescope": "0m5",
    "instrument": "sbig",
    "image_type_raw": "Object",
    "filter_name": "rp",
    "exposure_s": 300.0,
    "observed_at": AT,
    "night": date(2026, 11, 17),
    "day_obs": date(2026, 11, 18),
    "object_name": "NGC 7331",
    "request_text": "0123",
    "request_id": 123,
    "observation_text": "ob-9",
    "reduction_level": 1,
    "x_binning": 2,
    "y_binning": 3,
    "ra_deg": 15.0,
    "dec_deg": 5.0,
}

HITS_AND_MISSES = [
    ("IMAGETYPE", "Object", "object"),
    ("binning", "2x3", "3x2"),
    ("SITE", "tlv", "TLV"),
    ("SITE", "tlv", "tl"),
    ("TELESCOPE", "0m5", "None"),
    ("INSTRUMENT", "sbig", "sbi"),
    ("FILTER", "rp", "None"),
    ("RLEVEL", "1", "0"),
    ("OBJECT", " ngc 73 ", "NGC_7331"),
    ("EXPTIME", "300", "300.1"),
    ("EXPTIME", "1e1", "1e3"),
    ("night", "2026-11-18", "2026-11-17"),
    ("basename", "GeT_1", "target%"),
    ("REQNUM", "0123", "0124"),
    ("REQNUM", "0123", "123"),
    ("OBSNUM", "ob-9", "ob"),
    ("start", "2026-11-19T01:02:03.456789Z", "2026-11-19T01:02:03.456790Z"),
    ("start", "2026-11-19 01:02", "2026-11-20"),
    ("start", "2026-11-19", "2026-11-19T01:02:04"),
    ("end", "2026-11-19T01:02:03.456789", "2026-11-19T01:02:03.456788"),
    ("end", "2026-11-19T02:02:04+01:00", "2026-11-19"),
]


@pytest.mark.asyncio
async def test_pyo_10_the_envelope_and_a_frame(pyobs: Pyobs) -> None:
    sessions = pyobs.archive.sessions
    dark = await a_frame(sessions, "dark-1", observed_at=OBSERVED)
    made = await a_frame(sessions, "target-1", related=["dark-1", "unknown"], **TARGET)
    await a_frame(sessions, "later-1", related=["target-1"], observed_at=AT + timedelta(1))
    answer = await pyobs.get("frames/", SITE="tlv")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "count": 1,
        "results": [
            {
                "id": made.id,
                "basename": "target-1",
                "SITEID": "tlv",
                "TELID": "0m5",
                "INSTRUME": "sbig",
                "RLEVEL": 1,
                "DATE_OBS": "2026-11-19T01:02:03.456Z",
                "FILTER": "rp",
                "OBJECT": "NGC 7331",
                "EXPTIME": 300.0,
                "REQNUM": "0123",
                "OBSNUM": "ob-9",
                "OBSTYPE": "Object",
                "binning": "2x3",
                "related_frames": [dark.id],
                "url": f"frames/{made.id}/download/",
            }
        ],
    }


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 19, 1, 2, 3, tzinfo=UTC), "2026-11-19T01:02:03Z"),
        (datetime(2026, 11, 19, 1, 2, 3, 50_999, tzinfo=UTC), "2026-11-19T01:02:03.050Z"),
        (datetime(2026, 11, 19, 1, 2, 3, 999, tzinfo=UTC), "2026-11-19T01:02:03Z"),
        (datetime(950, 1, 2, 3, 4, 5, 120_000, tzinfo=UTC), "0950-01-02T03:04:05.120Z"),
        (None, None),
    ],
)
def test_pyo_10_moments(moment: datetime | None, text: str | None) -> None:
    facts = DEFAULTS.__class__(observed_at=moment)
    assert frame_info(Frame(1, "a", facts))["DATE_OBS"] == text


@pytest.mark.parametrize("kind", ["bias", "dark", "BIAS", "object", None])
def test_pyo_10_a_frame_without_sky_has_neither_filter_nor_object(kind: str | None) -> None:
    facts = DEFAULTS.__class__(image_type_raw=kind, filter_name="V", object_name="M67")
    info = frame_info(Frame(1, "a", facts))
    is_dark = kind is not None and kind.lower() in {"bias", "dark"}
    assert (info["FILTER"], info["OBJECT"]) == ((None, None) if is_dark else ("V", "M67"))


def test_pyo_10_a_frame_of_which_nothing_is_known() -> None:
    info = frame_info(Frame(7, "a", DEFAULTS.__class__()))
    assert FrameInfo.model_validate(info).model_dump() == {
        **dict.fromkeys(FRAME_INFO),
        **dict.fromkeys(["SITEID", "TELID", "INSTRUME", "OBSTYPE"], ""),
        "id": 7,
        "basename": "a",
        "RLEVEL": 0,
        "binning": "1x1",
        "related_frames": [],
        "url": "frames/7/download/",
    }


@pytest.mark.asyncio
async def test_pyo_10_what_is_sent_is_what_is_documented(pyobs: Pyobs) -> None:
    await a_frame(pyobs.archive.sessions, **TARGET)
    unknown: dict[str, Any] = dict.fromkeys(["exposure_s", "filter_name", "site", "x_binning"])
    await a_frame(pyobs.archive.sessions, **unknown)
    body = (await pyobs.get("frames/")).json()
    assert FrameListOut.model_validate(body, strict=True).model_dump() == body
    document = (await pyobs.client.get("/pyobs/openapi.json")).json()
    schema = document["components"]["schemas"]["FrameInfo"]
    assert set(schema["properties"]) == set(schema["required"]) == FRAME_INFO
    assert all(item.keys() == FRAME_INFO for item in body["results"])


@pytest.mark.asyncio
async def test_pyo_10_pages_joined_are_the_whole(pyobs: Pyobs) -> None:
    for _ in range(7):
        await a_frame(pyobs.archive.sessions)
    whole = await pyobs.found()
    assert len(whole) == 7
    for order in ({}, {"order": "desc"}, {"sort": "SITE", "order": "desc"}):
        pages: list[str] = []
        while len(pages) < 7:
            pages += await pyobs.found(limit=3, offset=len(pages), **order)
        assert pages == whole  # all are of the same moment and site: by id, ascending


@pytest.mark.asyncio
async def test_pyo_10_the_window(pyobs: Pyobs) -> None:
    for _ in range(3):
        await a_frame(pyobs.archive.sessions)
    lengths = {
        "": 3, "limit=2": 2, "limit=0": 0, "limit=-5": 0, "limit=99999999999999999999": 3,
        "offset=-7": 3, "offset=2": 1, "offset=99999999999999999999": 0, "limit=&offset=": 3,
        "limit=1&limit=2": 2,
    }  # fmt: skip
    for query, length in lengths.items():
        body = (await pyobs.get(f"frames/?{query}")).json()
        assert (body["count"], len(body["results"])) == (3, length), query


@pytest.mark.asyncio
async def test_pyo_10_every_filter(pyobs: Pyobs) -> None:
    sessions = pyobs.archive.sessions
    await a_frame(sessions, "target_2", **{**TARGET, "public_at": FUTURE})
    await a_frame(sessions, "target_1", **TARGET)
    for name, hit, miss in HITS_AND_MISSES:
        for value, found in ((hit, 1), (miss, 0), ("", 1), ("ALL", 1)):
            body = (await pyobs.get("frames/", **{name: value})).json()
            assert (body["count"], len(body["results"])) == (found, found), (name, value)
    tested = {name for name, _, _ in HITS_AND_MISSES} | {"RA", "DEC"}
    assert tested == set(FiltersIn.model_fields)


@pytest.mark.asyncio
async def test_pyo_10_frames_without_a_filter(pyobs: Pyobs) -> None:
    await a_frame(pyobs.archive.sessions, "with", filter_name="None of these")
    await a_frame(pyobs.archive.sessions, "without", filter_name=None)
    assert await pyobs.found(FILTER="None") == ["without"]
    assert await pyobs.found(FILTER="ALL") == ["with", "without"]


@pytest.mark.asyncio
async def test_pyo_10_unknown_names_are_ignored_and_the_last_of_a_name_counts(
    pyobs: Pyobs,
) -> None:
    await a_frame(pyobs.archive.sessions, "a", site="one")
    await a_frame(pyobs.archive.sessions, "b", site="two")
    assert await pyobs.found(SITEID="one", site="x", radius="x", covers="x") == ["a", "b"]
    assert await pyobs.found(SITE=["one", "two"]) == ["b"]


@pytest.mark.asyncio
async def test_pyo_10_a_frame_without_a_date_is_none_of_this_archive(pyobs: Pyobs) -> None:
    made = await a_frame(pyobs.archive.sessions, observed_at=None)
    body = (await pyobs.get("frames/")).json()
    assert body == {"count": 0, "results": []}
    assert (await pyobs.get(f"frames/{made.id}/")).json()["DATE_OBS"] is None


@pytest.mark.asyncio
async def test_pyo_10_a_user_sees_what_he_may(pyobs: Pyobs) -> None:
    sessions = pyobs.archive.sessions
    await a_frame(sessions, "public")
    await a_frame(sessions, "proprietary", proposal="P-7", public_at=FUTURE)
    await a_frame(sessions, "internal", is_internal=True, public_at=None)
    assert await pyobs.found() == ["public", "internal"]


@pytest.mark.asyncio
async def test_pyo_11_malformed_windows(pyobs: Pyobs) -> None:
    for query in (
        "limit=x",
        "offset=x",
        "limit=1.5",
        "offset=0x1",
        "limit=x&RLEVEL=1",
        "limit=9e9",
    ):
        answer = await pyobs.get(f"frames/?{query}")
        assert answer.status_code == 400, query
        assert answer.json() == {"detail": "Invalid values for offset/limit."}


@pytest.mark.asyncio
async def test_pyo_12_other_malformed_values(pyobs: Pyobs) -> None:
    wrong = {
        "RLEVEL": "x", "night": "x", "EXPTIME": "x", "RA": "x", "DEC": "91", "start": "x",
        "end": "2026-13-01", "binning": "2",
    }  # fmt: skip
    for name, value in wrong.items():
        for path in ("frames/", "frames/aggregate/", "frames/zip/"):
            answer = await pyobs.get(path, **{name: value})
            assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json")
            assert answer.json() == {"detail": f"Invalid value for {name}."}
