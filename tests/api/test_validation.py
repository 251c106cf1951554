"""The forms of parameters that the contracts accept."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated, Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI, Query
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from app.api.problems import install_problem_handlers
from app.api.validation import (
    BIGINT_MAX,
    BigInt,
    DateParam,
    Given,
    GivenList,
    LaxBool,
    Number,
    RowId,
    Text,
    UtcDatetime,
)

MOMENT: TypeAdapter[datetime] = TypeAdapter(UtcDatetime)
FIRST = datetime(2, 1, 1)  # noqa: DTZ001  # hypothesis adds the zone
LAST = datetime(9998, 1, 1)  # noqa: DTZ001  # hypothesis adds the zone
DAY: TypeAdapter[date] = TypeAdapter(DateParam)


class Query1(BaseModel):
    start: Given[UtcDatetime] = None
    night: Given[DateParam] = None
    public: Given[LaxBool] = None
    EXPTIME: Given[Number] = None
    REQNUM: Given[BigInt] = None
    frame: Given[RowId] = None
    OBJECT: Given[Text] = None
    OBSTYPE: GivenList[Text] = []


def make_app() -> FastAPI:
    app = FastAPI()

    @app.get("/")
    async def read(query: Annotated[Query1, Query()]) -> Query1:
        return query

    install_problem_handlers(app)
    return app


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(make_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://archive.test") as client:
        yield client


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11-20 18:30", datetime(2026, 11, 20, 18, 30, tzinfo=UTC)),
        ("2026-11-20T18:30", datetime(2026, 11, 20, 18, 30, tzinfo=UTC)),
        ("2026-11-20t18:30:05z", datetime(2026, 11, 20, 18, 30, 5, tzinfo=UTC)),
        ("2026-11-20 18:30:05.25", datetime(2026, 11, 20, 18, 30, 5, 250_000, tzinfo=UTC)),
        (
            "2026-11-20T18:30:05.123456789Z",
            datetime(2026, 11, 20, 18, 30, 5, 123_456, tzinfo=UTC),
        ),
        ("2026-11-20T18:30:00+02:00", datetime(2026, 11, 20, 16, 30, tzinfo=UTC)),
        ("2026-11-20T18:30:00 02:00", datetime(2026, 11, 20, 16, 30, tzinfo=UTC)),
        ("2026-11-20T18:30:00-0330", datetime(2026, 11, 20, 22, 0, tzinfo=UTC)),
        ("2026-11-20 18:30-03", datetime(2026, 11, 20, 21, 30, tzinfo=UTC)),
        (" 2026-11-20 18:30:00 Z ", datetime(2026, 11, 20, 18, 30, tzinfo=UTC)),
        ("0001-01-01", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999999", datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
    ],
)
def test_moments(text: str, moment: datetime) -> None:
    assert MOMENT.validate_python(text) == moment
    assert MOMENT.validate_python(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2026-13-01",
        "2026-02-30",
        "2026-11-20T25:00",
        "2026-11-20T18",
        "2026-11-20T18:30:00+25:00",
        "2026-11-20T18:30:00+01:60",
        "20261120",
        "1763659800",
        "0000-01-01",
        "10000-01-01",
        "-001-01-01",
        "0001-01-01T00:00+14:00",
        "9999-12-31T23:00-14:00",
        "\uff12\uff10\uff12\uff16-11-20",
        "2026-W01-1",
    ],
)
def test_no_moments(text: str) -> None:
    with pytest.raises(ValidationError, match="Enter a valid date/time"):
        MOMENT.validate_python(text)


@given(
    st.datetimes(FIRST, LAST, timezones=st.just(UTC)),
    st.integers(-1439, 1439),
)
def test_any_zone_is_the_same_moment(moment: datetime, offset_min: int) -> None:
    local = moment.astimezone(timezone(timedelta(minutes=offset_min)))
    assert MOMENT.validate_python(local.isoformat()) == moment
    assert MOMENT.validate_python(local.isoformat(" ").replace("+", " ")) == moment


@given(st.text())
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    for adapter in (MOMENT, DAY):
        try:
            adapter.validate_python(text)
        except ValidationError:
            continue


def test_naive_default_is_utc() -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001
    assert MOMENT.validate_python(naive) == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-11-20", "20261120", " 2026-11-20 "])
def test_days(text: str) -> None:
    assert DAY.validate_python(text) == date(2026, 11, 20)


@pytest.mark.parametrize("text", ["2026-11-31", "2026-1-1", "2026-11-20T00:00", "20.11.2026", "x"])
def test_no_days(text: str) -> None:
    with pytest.raises(ValidationError, match=r"Enter a valid date\."):
        DAY.validate_python(text)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("query", "name", "value"),
    [
        ("public=true", "public", True),
        ("public=True", "public", True),
        ("public=1", "public", True),
        ("public=yes", "public", True),
        ("public=False", "public", False),
        ("public=0", "public", False),
        ("public=no", "public", False),
        ("public=", "public", None),
        ("EXPTIME=1e2", "EXPTIME", 100.0),
        ("EXPTIME= 1.5 ", "EXPTIME", 1.5),
        ("EXPTIME=", "EXPTIME", None),
        ("REQNUM=-7", "REQNUM", -7),
        (f"REQNUM={BIGINT_MAX}", "REQNUM", BIGINT_MAX),
        ("REQNUM=", "REQNUM", None),
        ("OBJECT=M 31", "OBJECT", "M 31"),
        ("OBJECT=", "OBJECT", None),
        ("OBSTYPE=BIAS&OBSTYPE=&OBSTYPE=DARK", "OBSTYPE", ["BIAS", "DARK"]),
        ("OBSTYPE=", "OBSTYPE", []),
        ("start=2026-01-01T00:00:00+01:00", "start", "2025-12-31T23:00:00Z"),
        ("start=", "start", None),
        ("night=20260101", "night", "2026-01-01"),
        ("unknown=1", "OBJECT", None),
    ],
)
async def test_accepted(client: httpx.AsyncClient, query: str, name: str, value: Any) -> None:  # noqa: ANN401
    response = await client.get(f"/?{query}")
    assert response.json()[name] == value


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("EXPTIME=nan", "Enter a number."),
        ("EXPTIME=inf", "Enter a number."),
        ("EXPTIME=-Infinity", "Enter a number."),
        ("EXPTIME=1e999", "Enter a number."),
        ("EXPTIME=1,5", "Enter a number."),
        (
            f"REQNUM={BIGINT_MAX + 1}",
            "Ensure this value is less than or equal to 9223372036854775807.",
        ),
        (
            f"REQNUM={-BIGINT_MAX - 2}",
            "Ensure this value is greater than or equal to -9223372036854775808.",
        ),
        ("REQNUM=0x10", "A valid integer is required."),
        ("frame=0", "Ensure this value is greater than or equal to 1."),
        ("public=maybe", "Must be a valid boolean."),
        ("OBJECT=a%00b", "Null characters are not allowed."),
        ("OBSTYPE=a&OBSTYPE=b%00", "Null characters are not allowed."),
        ("start=never", "Enter a valid date/time."),
        ("night=2026-02-30", "Enter a valid date."),
    ],
)
async def test_refused(client: httpx.AsyncClient, query: str, text: str) -> None:
    response = await client.get(f"/?{query}")
    assert response.status_code == 400
    assert response.json()["errors"] == {query.partition("=")[0]: [text]}


def test_openapi_schema() -> None:
    parameters = make_app().openapi()["paths"]["/"]["get"]["parameters"]
    schemas = {item["name"]: item["schema"] for item in parameters}
    assert not any(item["required"] for item in parameters)
    kinds = {
        name: (schema.get("type") or schema["anyOf"][0]["type"]) for name, schema in schemas.items()
    }
    assert kinds == {
        "start": "string",
        "night": "string",
        "public": "boolean",
        "EXPTIME": "number",
        "REQNUM": "integer",
        "frame": "integer",
        "OBJECT": "string",
        "OBSTYPE": "array",
    }
