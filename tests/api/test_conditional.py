"""Preconditions and ranges after RFC 9110."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.conditional import MAX_RANGES, Span, Validators, precondition, requested_spans

MODIFIED = datetime(2026, 11, 20, 18, 30, 0, 500_000, tzinfo=UTC)
STATE = Validators('"abc"', MODIFIED)
AT, BEFORE, AFTER = (f"Fri, 20 Nov 2026 18:30:0{s} GMT" for s in (0, 0, 1))
BEFORE = "Fri, 20 Nov 2026 18:29:59 GMT"


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {}, None),
        ("GET", {"if-none-match": '"abc"'}, 304),
        ("HEAD", {"if-none-match": '"abc"'}, 304),
        ("GET", {"if-none-match": 'W/"abc"'}, 304),
        ("GET", {"if-none-match": '"x", W/"y" , "abc"'}, 304),
        ("GET", {"if-none-match": "*"}, 304),
        ("GET", {"if-none-match": '"x"'}, None),
        ("GET", {"if-none-match": "abc"}, None),
        ("POST", {"if-none-match": '"abc"'}, 412),
        ("GET", {"if-none-match": '"x"', "if-modified-since": AFTER}, None),
        ("GET", {"if-modified-since": AT}, 304),
        ("GET", {"if-modified-since": AFTER}, 304),
        ("GET", {"if-modified-since": BEFORE}, None),
        ("GET", {"if-modified-since": "Friday"}, None),
        ("GET", {"if-modified-since": "Fri, 20 Nov 99999 18:30:00 GMT"}, None),
        ("POST", {"if-modified-since": AFTER}, None),
        ("GET", {"if-match": '"abc"'}, None),
        ("GET", {"if-match": "*"}, None),
        ("GET", {"if-match": 'W/"abc"'}, 412),
        ("GET", {"if-match": '"x"'}, 412),
        ("GET", {"if-match": '"abc"', "if-unmodified-since": BEFORE}, None),
        ("GET", {"if-unmodified-since": BEFORE}, 412),
        ("GET", {"if-unmodified-since": AT}, None),
        ("GET", {"if-unmodified-since": "never"}, None),
        ("GET", {"if-match": '"abc"', "if-none-match": '"abc"'}, 304),
    ],
)
def test_preconditions(method: str, headers: dict[str, str], status: int | None) -> None:
    assert precondition(method, headers, STATE) == status


def test_without_a_date_dates_do_not_count() -> None:
    undated = Validators('"abc"', None)
    assert precondition("GET", {"if-modified-since": AFTER}, undated) is None
    assert precondition("GET", {"if-unmodified-since": BEFORE}, undated) is None
    assert requested_spans("GET", {"range": "bytes=0-1", "if-range": AT}, undated, 10) is None
    assert undated.headers() == {"ETag": '"abc"'}


def spans(text: str, size_bytes: int = 100) -> list[tuple[int, int]] | None:
    found = requested_spans("GET", {"range": text}, STATE, size_bytes)
    return None if found is None else [(span.start, span.stop) for span in found]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("bytes=0-9", [(0, 10)]),
        ("bytes=90-", [(90, 100)]),
        ("bytes=-10", [(90, 100)]),
        ("bytes=-1000", [(0, 100)]),
        ("bytes=50-1000", [(50, 100)]),
        (f"bytes=50-{'9' * 60}", [(50, 100)]),
        ("BYTES=0-0", [(0, 1)]),
        ("bytes=0-9,20-29", [(0, 10), (20, 30)]),
        ("bytes= 20-29 ,, 0-9 ", [(0, 10), (20, 30)]),
        ("bytes=0-9,10-19,15-30", [(0, 31)]),
        ("bytes=0-9,200-300", [(0, 10)]),
        ("bytes=100-", []),
        ("bytes=100-200,300-", []),
        ("bytes=-0", []),
        ("lines=0-9", None),
        ("bytes=9-0", None),
        ("bytes=a-b", None),
        ("bytes=-", None),
        ("bytes=", None),
        ("bytes", None),
        ("bytes=1", None),
        ("bytes=0-9,x", None),
        ("bytes=٣-٤", None),
        (f"bytes={'9' * 5000}-", None),
        ("bytes=" + ",".join(f"{n}-{n}" for n in range(0, 2 * MAX_RANGES, 2)), None),
    ],
)
def test_ranges(text: str, found: list[tuple[int, int]] | None) -> None:
    if text.count(",") == MAX_RANGES - 1:
        assert spans(text, 1000) is not None
        assert spans(f"{text},999-", 1000) is None
        return
    assert spans(text) == found


def test_nothing_of_an_empty_file_can_be_asked_for() -> None:
    assert spans("bytes=0-", 0) == []


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE"])
def test_ranges_are_for_get(method: str) -> None:
    assert requested_spans(method, {"range": "bytes=0-9"}, STATE, 100) is None


@pytest.mark.parametrize(
    ("state", "counts"),
    [
        ('"abc"', True),
        (AT, True),
        ('W/"abc"', False),
        ('"x"', False),
        (AFTER, False),
        (BEFORE, False),
        ("*", False),
        ("", False),
    ],
)
def test_if_range(state: str, *, counts: bool) -> None:
    found = requested_spans("GET", {"range": "bytes=0-9", "if-range": state}, STATE, 100)
    assert found == ([Span(0, 10)] if counts else None)


@given(st.text("0123456789-, b=", max_size=30), st.integers(0, 50))
def test_spans_are_within_ordered_and_apart(text: str, size_bytes: int) -> None:
    found = spans(f"bytes={text}", size_bytes) or []
    edges = [edge for span in found for edge in span]
    assert edges == sorted(set(edges))
    assert all(0 <= edge <= size_bytes for edge in edges)
