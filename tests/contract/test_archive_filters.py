"""Every filter of the LCO archive: what it finds, what it does not, what it refuses."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.api.archive.wire_filters import FiltersIn
from app.db.engine import Sessions
from tests.support.frames import FUTURE, OBSERVED, PAST, a_frame
from tests.support.lco import Lco

pytestmark = pytest.mark.asyncio

AT = datetime(2026, 11, 19, 1, 2, 3, 456_789, tzinfo=UTC)
PUBLIC_AT = datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC)
AREA = ((10.0, 10.0), (12.0, 10.0), (12.0, 12.0), (10.0, 12.0))

TARGET: dict[str, Any] = {
    "site": "tlv",
    "telescope": "0m5",
    "instrument": "fa15",
    "observation_type": "SPECTRUM",
    "image_type_raw": "spec",
    "filter_name": "rp",
    "exposure_s": 300.0,
    "observed_at": AT,
    "day_obs": date(2026, 11, 18),
    "object_name": "NGC 7331",
    "proposal": "P-7",
    "block_id": 70,
    "request_text": "0123",
    "request_id": 123,
    "reduction_level": 91,
    "submitter": "eva",
    "public_at": PUBLIC_AT,
    "area_deg": AREA,
}

EXACT = {
    "basename_exact": ("Get_1", "get_1", "Get"),
    "target_name_exact": ("NGC 7331", "ngc 7331", "NGC"),
    "OBSTYPE": ("SPECTRUM", "spectrum", "spec"),
    "configuration_type": ("SPECTRUM", "Spectrum", "ALL"),
    "PROPID": ("P-7", "p-7", "None"),
    "proposal_id": ("P-7", "P-", "None"),
    "INSTRUME": ("fa15", "FA15", "fa"),
    "instrument_id": ("fa15", "fa1", "None"),
    "SITEID": ("tlv", "TLV", "None"),
    "site_id": ("tlv", "tl", "ALL"),
    "TELID": ("0m5", "0M5", "0m"),
    "telescope_id": ("0m5", "0m", "None"),
    "FILTER": ("rp", "RP", "None"),
    "Filter": ("rp", "r", "None"),
    "primary_optical_element": ("rp", "p", "None"),
    "submitter": ("eva", "Eva", "ev"),
    "include_configuration_type": ("SPECTRUM", "BIAS", "ARC"),
}
HITS_AND_MISSES = [
    *((name, hit, miss) for name, (hit, *misses) in EXACT.items() for miss in misses),
    ("start", "2026-11-19T01:02:03.456789Z", "2026-11-19T01:02:03.456790Z"),
    ("start", "2026-11-19 01:02", "2026-11-20"),
    ("end", "2026-11-19T01:02:03.456789", "2026-11-19T01:02:03.456788"),
    ("end", "2026-11-19T02:02:04+01:00", "2026-11-19"),
    ("DATE_OBS", "2026-11-19T01:02:03.456789Z", "2026-11-19T01:02:03Z"),
    ("DATE OBS", "2026-11-19 01:02:03.456789", "2026-11-19"),
    ("DAY_OBS", "2026-11-18", "2026-11-19"),
    ("dayobs", "20261118", "2026-11-17"),
    ("basename", "gET_", "Gety"),
    ("basename", "et_1", "%"),
    ("OBJECT", "c 73", "NGC_7331"),
    ("target_name", "ngc", "M31"),
    ("target_name", "ñgĉ 7331", "ĝ 7331x"),
    ("L1PUBDAT", "2021-03-04T05:06:07Z", "2021-03-04"),
    ("EXPTIME", "300", "300.1"),
    ("EXPTIME", "-1e5", "1e9"),
    ("exposure_time", "299.9", "301"),
    ("BLKUID", "70", "7"),
    ("observation_id", "70.0", "71"),
    ("REQNUM", "123", "124"),
    ("request_id", " 123 ", "-123"),
    ("RLEVEL", "91", "0"),
    ("reduction_level", "91.", "9"),
    ("covers", "POINT(11 11)", "POINT(13 11)"),
    ("intersects", "POLYGON((11 11, 20 11, 20 20, 11 20))", "POINT(9 9)"),
    ("exclude_configuration_type", "BIAS", "SPECTRUM"),
    ("exclude_OBSTYPE", "EXPOSE", "SPECTRUM"),
    ("exclude_calibrations", "true", None),
    ("exclude_calibrations", "false", None),
    ("public", "true", "false"),
    ("empty_target_name", "", "true"),
    ("empty_target_name", "  ", "false"),
]


@pytest.mark.parametrize(("name", "hit", "miss"), HITS_AND_MISSES)
async def test_arc_20_31_filters(
    lco: Lco, sessions: Sessions, name: str, hit: str, miss: str | None
) -> None:
    await a_frame(sessions, "Get_1", **TARGET)
    assert await lco.found(**{name: hit}) == ["Get_1"]
    if miss is not None:
        assert await lco.found(**{name: miss}) == []


async def test_arc_20_every_filter_is_tested() -> None:
    fields = FiltersIn.model_fields
    names = {field.alias or name for name, field in fields.items()}
    assert {name for name, *_ in HITS_AND_MISSES} == names


@pytest.mark.parametrize(
    "name", [field.alias or name for name, field in FiltersIn.model_fields.items()]
)
async def test_arc_20_empty_and_unknown_filters_are_ignored(
    lco: Lco, sessions: Sessions, name: str
) -> None:
    await a_frame(sessions, "a")
    for value in ("", " "):
        assert await lco.found(**{name: value, "SITE": "nowhere", "night": "x"}) == ["a"]


async def test_arc_20_filters_are_combined(lco: Lco, sessions: Sessions) -> None:
    await a_frame(sessions, "a", site="x", filter_name="V", object_name="M 31 core")
    await a_frame(sessions, "b", site="x", filter_name="B", object_name="M 31")
    assert await lco.found(SITEID="x", FILTER="V") == ["a"]
    assert await lco.found(SITEID="x", FILTER="V", primary_optical_element="V") == ["a"]
    assert await lco.found(SITEID="x", FILTER="V", primary_optical_element="B") == []
    assert await lco.found(OBJECT="m 31", target_name="core") == ["a"]
    assert await lco.found(EXPTIME="10", exposure_time="61") == []
    assert await lco.found(target_name_exact="M 31", empty_target_name="true") == []
    assert await lco.found(FILTER=["V", "B"]) == ["b"]


async def test_arc_20_types(lco: Lco, sessions: Sessions) -> None:
    for kind in ("BIAS", "EXPOSE", "SPECTRUM", "CATALOG", "STANDARD"):
        await a_frame(sessions, kind, observation_type=kind)
    await a_frame(sessions, "none", observation_type=None)

    async def found(**params: object) -> set[str]:
        return set(await lco.found(**params))

    assert await found(include_configuration_type=["BIAS", "EXPOSE"]) == {"BIAS", "EXPOSE"}
    assert await found(exclude_OBSTYPE=["BIAS", "EXPOSE"]) == {
        "SPECTRUM", "CATALOG", "STANDARD", "none",
    }  # fmt: skip
    without = {"exclude_OBSTYPE": "BIAS", "exclude_configuration_type": "STANDARD"}
    assert await found(**without) == {"EXPOSE", "SPECTRUM", "CATALOG", "none"}
    science = {"EXPOSE", "SPECTRUM", "CATALOG"}
    for yes in ("true", "True", "1", "yes"):
        assert await found(exclude_calibrations=yes) == science
    assert len(await found(exclude_calibrations="maybe")) == 6
    assert await found(exclude_calibrations="true", include_configuration_type="BIAS") == set()
    assert await found(OBSTYPE="BIAS", configuration_type="EXPOSE") == set()


async def test_arc_20_empty_target_name(lco: Lco, sessions: Sessions) -> None:
    await a_frame(sessions, "a", object_name=None)
    await a_frame(sessions, "b")
    assert await lco.found(empty_target_name="true") == ["a"]


async def population(sessions: Sessions) -> None:
    await a_frame(sessions, "public", public_at=PAST)
    await a_frame(sessions, "mine-public", public_at=PAST, proposal="P")
    await a_frame(sessions, "mine", public_at=FUTURE, proposal="P")
    await a_frame(sessions, "other", public_at=FUTURE, proposal="Q")
    await a_frame(sessions, "never", public_at=None, proposal="Q")


async def test_arc_30_public(lco: Lco, sessions: Sessions) -> None:
    await population(sessions)
    member = await lco.served.a_user("member", proposals=("P",))
    lonely = await lco.served.a_user("lonely")
    root = await lco.served.a_user("root", is_superuser=True)
    public = {"public", "mine-public"}
    for sent in ({}, {"public": "true"}, {"public": "True"}, {"public": "x"}, {"public": ""}):
        assert set(await lco.found(**sent)) == set(await lco.found(lonely, **sent)) == public
        assert set(await lco.found(member, **sent)) == public | {"mine"}
        assert len(await lco.found(root, **sent)) == 5
    for no in ("false", "False", "0", "no"):
        assert set(await lco.found(root, public=no)) == {"mine", "other", "never"}
        assert set(await lco.found(member, public=no)) == {"mine", "mine-public"}
        assert await lco.found(lonely, public=no) == await lco.found(public=no) == []


NUMBER, MOMENT, DAY = "Enter a number.", "Enter a valid date/time.", "Enter a valid date."
WHOLE = "Enter a whole number."


def choice(value: str) -> str:
    return f"Select a valid choice. {value} is not one of the available choices."


REFUSED = [
    *((name, "long", NUMBER) for name in ("EXPTIME", "exposure_time", "BLKUID", "RLEVEL")),
    *((name, "1,5", NUMBER) for name in ("observation_id", "REQNUM", "request_id")),
    *(("EXPTIME", value, NUMBER) for value in ("nan", "inf", "1e999", "0x1", "--1")),
    *(("RLEVEL", value, NUMBER) for value in ("nan", "1e999", "0b1", "reduction")),
    *(("reduction_level", value, WHOLE) for value in ("0.5", "1e-3")),
    *((name, "yesterday", MOMENT) for name in ("start", "end", "DATE_OBS", "DATE OBS", "L1PUBDAT")),
    *(("start", value, MOMENT) for value in ("2026-13-01", "2026-02-30T00:00", "1.1.2026")),
    *(("end", value, MOMENT) for value in ("2026-11-19T25:00", "0001-01-01T00:00+14:00", "now()")),
    *(("DAY_OBS", value, DAY) for value in ("2026-02-30", "x", "2026-11-19T00:00:00")),
    ("dayobs", "0", DAY),
    ("exclude_OBSTYPE", "LIGHT", choice("LIGHT")),
    ("include_configuration_type", "LIGHT", choice("LIGHT")),
    ("exclude_configuration_type", "bias", choice("bias")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "text"), REFUSED)
async def test_arc_31_malformed_values(lco: Lco, name: str, value: str, text: str) -> None:
    for path in ("frames/", "frames"):
        answer = await lco.get(path, **{name: value})
        assert (answer.status_code, answer.json()) == (400, {name: [text]})
        assert answer.headers["content-type"] == "application/json"


async def test_arc_31_several_faults(lco: Lco) -> None:
    answer = await lco.get("frames/", start="x", EXPTIME="y", exclude_OBSTYPE=["BIAS", "z"])
    assert answer.json() == {
        "start": [MOMENT],
        "EXPTIME": [NUMBER],
        "exclude_OBSTYPE": [choice("z")],
    }


async def test_arc_31_numbers_out_of_range(lco: Lco) -> None:
    for name in ("BLKUID", "REQNUM", "RLEVEL"):
        answer = await lco.get("frames/", **{name: "9" * 25})
        assert (answer.status_code, answer.json().keys()) == (400, {name})


FORMS = [
    "2026-11-18",
    "2026-11-18 22:30",
    "2026-11-18T22:30:15",
    "2026-11-18 22:30:15.25",
    "2026-11-18T22:30:15.250Z",
    "2026-11-19T00:30:15.25+02:00",
    "2026-11-18T20:30:15.25-0200",
]


@pytest.mark.parametrize("text", FORMS)
async def test_arc_31_forms_of_dates(lco: Lco, sessions: Sessions, text: str) -> None:
    await a_frame(sessions, "a", observed_at=OBSERVED)
    await a_frame(sessions, "b", observed_at=OBSERVED - timedelta(days=1))
    assert await lco.found(start=text) == ["a"]
