"""The client of the LCO dialect, against servers that only pretend."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import ArchiveError, DeniedError, InvalidError, UnavailableError
from app.imports.lco_client import LcoClient
from app.imports.lco_items import NotLcoError, frame_of
from app.imports.patience import Patience

Answer = Callable[[httpx.Request], httpx.Response]
EMPTY: dict[str, Any] = {"count": 0, "next": None, "results": []}


class Waits(list[float]):
    """What a client waited [s]."""

    async def sleep(self, wait_s: float) -> None:
        self.append(wait_s)


def a_client(answer: Answer, waits: Waits | None = None, token: str | None = None) -> LcoClient:
    http = httpx.AsyncClient(
        transport=httpx.MockTransport(answer), base_url="http://other.test/archive/"
    )
    return LcoClient(
        http, token=token, patience=Patience((Waits() if waits is None else waits).sleep)
    )


async def items_of(client: LcoClient, **filters: str) -> list[Any]:
    return [item async for page in client.pages(filters) for item in page]


def answering(*answers: httpx.Response) -> Answer:
    left = list(answers)
    return lambda _: left.pop(0)


@pytest.mark.asyncio
async def test_retry_after_is_honoured_in_both_forms() -> None:
    waits = Waits()
    at = datetime.now(UTC) + timedelta(seconds=30)
    client = a_client(
        answering(
            httpx.Response(429, headers={"Retry-After": "17"}),
            httpx.Response(503, headers={"Retry-After": f"{at:%a, %d %b %Y %H:%M:%S} GMT"}),
            httpx.Response(502, headers={"Retry-After": "whenever"}),
            httpx.Response(200, json=EMPTY),
        ),
        waits,
    )
    assert await client.get("frames/", {}) == EMPTY
    assert waits[0] == 17
    assert 25 < waits[1] <= 30
    assert waits[2] == 4


@pytest.mark.asyncio
async def test_waits_grow_and_end() -> None:
    waits = Waits()

    def away(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(UnavailableError, match="does not answer"):
        await a_client(away, waits).get("frames/", {})
    assert waits == [1, 2, 4, 8, 16]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(401), DeniedError),
        (httpx.Response(400, json={"SITEID": ["no"]}), InvalidError),
        (httpx.Response(200, text="<html>"), NotLcoError),
        (httpx.Response(200, json=[1]), NotLcoError),
        (httpx.Response(200, json={"results": 3}), NotLcoError),
        (
            httpx.Response(
                200,
                json={
                    "next": "more",
                    "results": [{"id": 1, "DATE_OBS": "2026-01-02"}, {"DATE_OBS": "2026-01-01"}],
                },
            ),
            NotLcoError,
        ),
    ],
    ids=["denied", "refused", "html", "list", "no-results", "unsorted"],
)
async def test_what_is_final_is_said_at_once(
    answer: httpx.Response, error: type[ArchiveError]
) -> None:
    waits = Waits()
    with pytest.raises(error):
        await items_of(a_client(lambda _: answer, waits))
    assert waits == []


def a_server(dates: list[datetime | None]) -> Answer:
    """List frames as the dialect does, a few a page."""
    frames = [{"id": n, "observation_date": d and d.isoformat()} for n, d in enumerate(dates, 1)]

    def answer(request: httpx.Request) -> httpx.Response:
        query = request.url.params
        start, offset = query.get("start"), int(query.get("offset", "0"))
        found = frames
        if start is not None:
            low = datetime.fromisoformat(start).replace(tzinfo=UTC)
            found = [frame for frame in frames if _date(frame) and _date(frame) >= low]
        if query.get("ordering") == "observation_date":
            found = sorted(found, key=lambda f: _date(f) or datetime.max.replace(tzinfo=UTC))
        page = found[offset : offset + 3]
        more = "more" if offset + 3 < len(found) else None
        return httpx.Response(200, json={"count": len(found), "next": more, "results": page})

    return answer


def _date(frame: dict[str, Any]) -> Any:  # noqa: ANN401  # a date or None
    text = frame["observation_date"]
    return text and datetime.fromisoformat(text).replace(tzinfo=UTC)


DAYS = st.integers(0, 4).map(lambda day: datetime(2026, 1, 1 + day, tzinfo=UTC))


@settings(deadline=None, max_examples=200)
@given(st.lists(st.none() | DAYS, max_size=25))
def test_every_frame_comes_once_however_many_share_a_date(dates: list[datetime | None]) -> None:
    found = asyncio.run(items_of(a_client(a_server(dates))))
    assert sorted(item["id"] for item in found) == list(range(1, len(dates) + 1))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("url", "is_told"),
    [
        ("http://other.test/archive/frames/1/download/", True),
        ("frames/1/download/", True),
        ("http://other.test/archive/frames/1/download/?signature=x", False),
        ("http://bucket.test/frames/1", False),
        ("http://other.test:8080/archive/frames/1", False),
        ("https://other.test/archive/frames/1", False),
    ],
)
async def test_the_token_is_told_to_the_archive_alone(url: str, is_told: bool) -> None:  # noqa: FBT001  # a case
    told = []

    def answer(request: httpx.Request) -> httpx.Response:
        told.append(request.headers.get("Authorization"))
        return httpx.Response(200, content=b"x")

    async with a_client(answer, token="t" * 40).stream(url, start=0):
        pass
    assert told == [f"Token {'t' * 40}" if is_told else None]


@pytest.mark.asyncio
async def test_a_file_is_fetched_from_nowhere_else_than_http() -> None:
    client = a_client(lambda _: httpx.Response(200))
    with pytest.raises(InvalidError, match="file:///etc/passwd"):
        async with client.stream("file:///etc/passwd", start=0):
            pass


AN_ITEM: dict[str, Any] = {
    "id": 7,
    "basename": "a",
    "observation_date": "2026-01-01T00:00:00Z",
    "version_set": [{"id": 1, "key": "k", "md5": "0" * 32, "extension": ".fits", "url": "u"}],
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=5,
)
NAMES = st.sampled_from([*AN_ITEM, "public_date", "reduction_level", "exposure_time", "site_id"])


@settings(max_examples=500)
@given(
    st.dictionaries(NAMES, JSON, max_size=4),
    st.dictionaries(st.sampled_from(["md5", "extension", "url", "key"]), JSON, max_size=2),
)
def test_any_item_is_a_frame_or_refused(odd: dict[str, Any], version: dict[str, Any]) -> None:
    versions = [{**AN_ITEM["version_set"][0], **version}]
    try:
        frame = frame_of({**AN_ITEM, "version_set": versions, **odd})
    except ArchiveError:
        return
    assert frame.id > 0
    assert all("/" not in frame.basename + v.extension for v in frame.versions)


@pytest.mark.parametrize("item", [None, 3, [], "x", {}, {"id": 1}])
def test_what_is_no_item_is_refused(item: object) -> None:
    with pytest.raises(NotLcoError):
        frame_of(item)


def test_an_item_of_the_old_names_is_understood() -> None:
    old = {
        "id": 7,
        "basename": "a",
        "DATE_OBS": "2026-01-01T00:00:00.5Z",
        "PROPID": "p",
        "L1PUBDAT": "2027-01-01T00:00:00Z",
        "EXPTIME": "12.5",
        "RLEVEL": 91,
        "BLKUID": 12,
        "REQNUM": None,
        "OBSTYPE": "EXPOSE",
        "version_set": AN_ITEM["version_set"],
    }
    frame = frame_of(old)
    assert frame.certain == {"proposal": "p", "reduction_level": 91}
    assert frame.gaps["exposure_s"] == 12.5
    assert frame.gaps["block_id"] == 12
    assert frame.gaps["observation_type"] == "EXPOSE"
    assert frame.publicity.public_at == datetime(2027, 1, 1, tzinfo=UTC)
    assert not frame.publicity.is_internal
