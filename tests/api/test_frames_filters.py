"""Every filter of the frames list: what it finds, what it does not, what it refuses."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from app.api.frames.wire_filters import FiltersIn
from app.core.offload import Offload
from app.db.engine import Sessions
from app.main import create_app
from tests.support.archive import an_archive, settings_in
from tests.support.frames import FUTURE, a_frame
from tests.support.serving import Served, served

PUBLIC = datetime(2021, 2, 3, 4, 5, 6, tzinfo=UTC)
SQUARE = ((10.0, 0.0), (10.0, 10.0), (20.0, 10.0), (20.0, 0.0))

TARGET: dict[str, Any] = {
    "site": "tlv",
    "telescope": "2m0a",
    "instrument": "fs02",
    "observation_type": "SKYFLAT",
    "image_type_raw": "skyflat",
    "filter_name": "rp",
    "exposure_s": 300.0,
    "observed_at": datetime(2026, 11, 19, 1, 2, 3, tzinfo=UTC),
    "night": date(2026, 11, 18),
    "day_obs": date(2026, 11, 17),
    "object_name": "NGC 7331",
    "proposal": "P-7",
    "request_text": "0123",
    "request_id": 123,
    "observation_text": "ob-9",
    "block_id": 77,
    "submitter": "muller",
    "reduction_level": 91,
    "x_binning": 2,
    "y_binning": 3,
    "public_at": PUBLIC,
    "ra_deg": 15.0,
    "dec_deg": 5.0,
    "area_deg": SQUARE,
}

HITS_AND_MISSES = [
    ("start", "2026-11-19T01:02:03Z", "2026-11-19T01:02:04Z"),
    ("start", "2026-11-19 01:02", "2026-11-20"),
    ("end", "2026-11-19T02:02:03+01:00", "2026-11-19T01:02:02.999"),
    ("DATE_OBS", "2026-11-19T01:02:03", "2026-11-19T01:02:04"),
    ("DATE OBS", "2026-11-19T01:02:03", "2026-11-19T01:02:04"),
    ("night", "2026-11-18", "2026-11-17"),
    ("DAY_OBS", "2026-11-17", "2026-11-18"),
    ("dayobs", "20261117", "20261118"),
    ("basename", "GeT_1", "target%"),
    ("basename_exact", "target_1", "target"),
    ("OBJECT", " ngc 73 ", "NGC_7331"),
    ("target_name", "ñgc", "日本"),
    ("target_name_exact", "NGC 7331", "NGC"),
    ("EXPTIME", "300", "300.1"),
    ("exposure_time", "299.9", "1e3"),
    ("IMAGETYPE", "skyflat", "SKYFLAT"),
    ("OBSTYPE", "skyFlat", "flat"),
    ("configuration_type", "SKYFLAT", "EXPOSE"),
    ("include_configuration_type", "SKYFLAT", "EXPOSE"),
    ("include_configuration_type", ["BIAS", "SKYFLAT"], ["BIAS", "DARK"]),
    ("exclude_configuration_type", "EXPOSE", "SKYFLAT"),
    ("exclude_OBSTYPE", ["EXPOSE", "DARK"], ["EXPOSE", "SKYFLAT"]),
    ("exclude_calibrations", "false", "true"),
    *((name, "tlv", "TLV") for name in ("SITE", "SITEID", "site_id")),
    *((name, "2m0a", "1m0a") for name in ("TELESCOPE", "TELID", "telescope_id")),
    *((name, "fs02", "cam1") for name in ("INSTRUMENT", "INSTRUME", "instrument_id")),
    *((name, "rp", "None") for name in ("FILTER", "Filter", "primary_optical_element")),
    ("binning", "2x3", "3x2"),
    ("RLEVEL", "91", "0"),
    ("reduction_level", "91", "-2147483648"),
    ("PROPID", "P-7", "P"),
    ("proposal_id", "P-7", "None"),
    ("REQNUM", "0123", "0124"),
    ("REQNUM", "123", "99999999999999999999"),
    ("request_id", "123", "9223372036854775807"),
    ("OBSNUM", "ob-9", "None"),
    ("BLKUID", "77", "78"),
    ("observation_id", "77", "-1"),
    ("submitter", "müller", "mull"),
    ("L1PUBDAT", "2021-02-03T04:05:06Z", "2021-02-03"),
    ("covers", "POINT(15 5)", "POINT(20.1 5)"),
    ("covers", "point( 10 0 )", "POINT(9.9 0)"),
    ("intersects", "POLYGON((19 9, 30 9, 30 20, 19 20))", "POLYGON((21 9, 30 9, 30 20, 21 20))"),
    ("intersects", "POINT(12 3)", "POINT(9 3)"),
]


@pytest_asyncio.fixture
async def api(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> AsyncIterator[Served]:
    async with served(an_archive(settings_in(tmp_path), sessions, engine, offload)) as api:
        yield api


@pytest_asyncio.fixture
async def target(sessions: Sessions) -> int:
    """Give the one visible frame; another one, hidden, must never count."""
    await a_frame(sessions, "target_2", **{**TARGET, "public_at": FUTURE, "proposal": "Q"})
    return (await a_frame(sessions, "target_1", **TARGET)).id


async def found(api: Served, **params: object) -> list[int]:
    answer = await api.get("/frames/", **params)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["count"] == len(body["results"])
    return [item["id"] for item in body["results"]]


@pytest.mark.asyncio
@pytest.mark.parametrize(("name", "hit", "miss"), HITS_AND_MISSES)
async def test_a_filter_finds_and_passes_over(
    api: Served, target: int, name: str, hit: str | list[str], miss: str | list[str]
) -> None:
    assert await found(api, **{name: hit}) == [target]
    assert await found(api, **{name: miss}) == []


def test_every_filter_is_tested() -> None:
    names = {field.alias or name for name, field in FiltersIn.model_fields.items()}
    elsewhere = {"RA", "DEC", "radius", "public", "empty_target_name"}
    assert {name for name, _, _ in HITS_AND_MISSES} | elsewhere == names


def test_every_filter_is_documented(tmp_path: Path) -> None:
    document = create_app(settings_in(tmp_path)).openapi()
    names = {field.alias or name for name, field in FiltersIn.model_fields.items()}
    for path in ("/frames/", "/frames/aggregate/", "/aggregate/", "/frames/zip/"):
        parameters = {each["name"]: each for each in document["paths"][path]["get"]["parameters"]}
        assert names <= parameters.keys()
        assert all(parameters[name]["description"] for name in names)


@pytest.mark.asyncio
@pytest.mark.parametrize("name", [n for n, _, _ in HITS_AND_MISSES if "configuration" not in n])
async def test_all_and_nothing_are_no_filter(api: Served, target: int, name: str) -> None:
    assert await found(api, **{name: ""}) == [target]
    if name not in {"covers", "intersects", "exclude_OBSTYPE", "exclude_calibrations"}:
        assert await found(api, **{name: "ALL"}) == [target]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("SITE", "site"),
        ("TELESCOPE", "telescope"),
        ("INSTRUMENT", "instrument"),
        ("FILTER", "filter_name"),
        ("IMAGETYPE", "image_type_raw"),
        ("PROPID", "proposal"),
        ("OBSNUM", "observation_text"),
        ("target_name_exact", "object_name"),
    ],
)
async def test_none_finds_what_has_none(
    api: Served, sessions: Sessions, name: str, fact: str
) -> None:
    await a_frame(sessions, **TARGET)
    bare = await a_frame(sessions, **{**TARGET, fact: None})
    assert await found(api, **{name: "None"}) == [bare.id]


@pytest.mark.asyncio
async def test_none_finds_frames_without_type_or_request(api: Served, sessions: Sessions) -> None:
    await a_frame(sessions, **TARGET)
    bare = await a_frame(sessions, **{**TARGET, "observation_type": None, "request_text": None})
    assert await found(api, OBSTYPE="None") == [bare.id]
    assert await found(api, REQNUM="None") == [bare.id]


@pytest.mark.asyncio
async def test_an_empty_target_name(api: Served, sessions: Sessions) -> None:
    named = await a_frame(sessions)
    bare = await a_frame(sessions, object_name=None)
    assert await found(api, empty_target_name="true") == [bare.id]
    assert sorted(await found(api, empty_target_name="false")) == [named.id, bare.id]
    assert (await api.get("/frames/", empty_target_name="1", target_name_exact="M67")).json()[
        "empty_target_name"
    ]


@pytest.mark.asyncio
async def test_frames_without_binning_have_1x1(api: Served, sessions: Sessions) -> None:
    bare = await a_frame(sessions, x_binning=None, y_binning=None)
    assert await found(api, binning="1X1") == [bare.id]
    assert (await api.get("/frames/aggregate/")).json()["binnings"] == ["1x1"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("ra_deg", "dec_deg", "inside", "outside"),
    [
        (10.0, 20.0, (10.0, 20.15), (10.0, 20.0 + 11 / 60)),
        (10.0, 0.0, (10.15, 0.0), (11.0, 0.0)),
        (0.01, 0.0, (359.9, 0.0), (359.8, 0.0)),
        (123.0, 89.95, (303.0, 89.95), (303.0, 89.85)),
        (0.0, -90.0, (77.0, -89.85), (77.0, -89.8)),
    ],
)
async def test_the_cone(  # a table
    api: Served,
    sessions: Sessions,
    ra_deg: float,
    dec_deg: float,
    inside: tuple[float, float],
    outside: tuple[float, float],
) -> None:
    near = await a_frame(sessions, ra_deg=inside[0], dec_deg=inside[1])
    far = await a_frame(sessions, ra_deg=outside[0], dec_deg=outside[1])
    nowhere = await a_frame(sessions)
    everything = [nowhere.id, far.id, near.id]
    assert await found(api, RA=ra_deg, DEC=dec_deg) == [near.id]
    assert await found(api, RA=ra_deg, DEC=dec_deg, radius=90) == [far.id, near.id]
    assert await found(api, RA=ra_deg, DEC=dec_deg, radius=0) == []
    assert await found(api, RA=ra_deg, DEC=dec_deg, radius=10800) == [far.id, near.id]
    assert await found(api, RA=ra_deg) == everything
    assert await found(api, DEC=dec_deg, radius=1) == everything


@pytest.mark.asyncio
async def test_filters_combine(api: Served, target: int) -> None:
    assert await found(api, SITE="tlv", FILTER="rp", covers="POINT(15 5)", RLEVEL=91) == [target]
    assert await found(api, SITE="tlv", FILTER="V") == []
    assert await found(api, covers="POINT(15 5)", intersects="POINT(30 5)") == []
    assert await found(api, unknown="x", SITE="tlv") == [target]
    both = {"include_configuration_type": "SKYFLAT", "exclude_calibrations": "true"}
    assert await found(api, **both) == []


@pytest.mark.asyncio
async def test_science_types_are_no_calibrations(api: Served, sessions: Sessions) -> None:
    for kind in ("BIAS", "SKYFLAT", "STANDARD", None):
        await a_frame(sessions, observation_type=kind)
    science = await a_frame(sessions, observation_type="EXPOSE")
    assert await found(api, exclude_calibrations="true") == [science.id]


@pytest.mark.asyncio
async def test_two_names_of_one_filter(api: Served, target: int) -> None:
    assert await found(api, SITE="tlv", SITEID="tlv", site_id="ALL") == [target]
    answer = await api.get("/frames/", SITE="tlv", site_id="cpt")
    assert answer.status_code == 400
    assert "site_id" in answer.json()
    assert "SITE = 'tlv'" in answer.json()["detail"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        *((name, "x", "Enter a valid date/time.") for name in ("start", "end", "L1PUBDAT")),
        ("DATE OBS", "2026-13-01", "Enter a valid date/time."),
        *((name, "2026-02-30", "Enter a valid date.") for name in ("night", "DAY_OBS", "dayobs")),
        *((name, "long", "Enter a number.") for name in ("EXPTIME", "RA", "DEC", "radius")),
        ("EXPTIME", "nan", "Enter a number."),
        ("RLEVEL", "x", "A valid integer is required."),
        ("RLEVEL", "99999999999", "Ensure this value is less than or equal to 2147483647."),
        ("BLKUID", "x", "A valid integer is required."),
        ("request_id", "1.5", "A valid integer is required."),
        ("binning", "2", "Enter a binning such as 2x2."),
        ("binning", "0x0", "Enter a binning such as 2x2."),
        ("DEC", "91", "Ensure this value is less than or equal to 90"),
        ("radius", "-1", "Ensure this value is greater than or equal to 0"),
        ("exclude_calibrations", "x", "Must be a valid boolean."),
        ("include_configuration_type", "X", "Select a valid choice. X is not one of the"),
        ("exclude_OBSTYPE", "X", "Select a valid choice. X is not one of the"),
        ("covers", "POINT(5)", "Error with covers query: Point must be"),
        ("covers", "POINT(5 95)", "Error with covers query: Point must be"),
        ("intersects", "BOX(1 2)", "Error with intersects query: Point must be"),
        ("limit", "x", "A valid integer is required."),
        ("offset", "x", "A valid integer is required."),
        ("sort", "size", "sort = 'size' is no column; allowed are id, basename"),
        ("order", "up", "order = 'up' is no column; allowed are id, basename"),
        ("ordering", "id,-nope", "ordering = 'nope' is no column; allowed are id, basename"),
    ],
)
async def test_malformed_values_are_named(api: Served, name: str, value: str, text: str) -> None:
    answer = await api.get("/frames/", **{name: value})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][name][0].startswith(text)


@pytest.mark.asyncio
async def test_public_false_is_what_the_caller_has_for_himself(
    api: Served, sessions: Sessions
) -> None:
    shown = await a_frame(sessions, proposal="P-7")
    hidden = await a_frame(sessions, proposal="P-7", public_at=FUTURE)
    foreign = await a_frame(sessions, proposal="Q-1", public_at=FUTURE)
    member = await api.a_user("member", proposals=("P-7",))
    root = await api.a_user("root", is_superuser=True)
    loner = await api.a_user("loner")

    async def proprietary(token: str | None, public: str = "false") -> list[int]:
        answer = await api.get("/frames/", token, public=public, ordering="id")
        return [item["id"] for item in answer.json()["results"]]

    assert await proprietary(None) == []
    assert await proprietary(loner) == []
    assert await proprietary(member) == [shown.id, hidden.id]
    assert await proprietary(root) == [hidden.id, foreign.id]
    assert await proprietary(member, "true") == [shown.id, hidden.id]
    assert await proprietary(None, "perhaps") == [shown.id]


def test_every_filter_stands_in_the_reference() -> None:
    page = (Path(__file__).parents[2] / "docs/user/reference/frames-api.md").read_text("utf-8")
    for name, field in FiltersIn.model_fields.items():
        description = " ".join((field.description or "").split())
        assert f"| `{field.alias or name}` | {description} |" in page
