"""Conditional requests and byte ranges after RFC 9110, as pure functions.

Starlette's `FileResponse` has ranges too, but refuses units that it does not know (RFC 9110, 14.2:
ignore them), applies ``Range`` to HEAD, answers 416 when one range of several is outside, and
knows no preconditions.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus

MAX_RANGES = 100
"""A request for more ranges than this gets the whole (RFC 9110, 17.15)."""

_ENTITY_TAG = re.compile(r'(W/)?"([^"]*)"')
_RANGE = re.compile(r"(\d{0,99})-(\d{0,99})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a body, half open.

    Attributes
    ----------
    start
        Offset of the first byte [byte].
    stop
        Offset after the last byte [byte].
    """

    start: int
    stop: int

    @property
    def size_bytes(self) -> int:
        """Length [byte]."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Validators:
    """What tells one state of a resource from another.

    Attributes
    ----------
    etag
        Strong entity tag, quotes included.
    last_modified
        When it last changed, aware; None when that is not known.
    """

    etag: str
    last_modified: datetime | None

    def headers(self) -> dict[str, str]:
        """Write the headers.

        Returns
        -------
        dict
            ``ETag`` and, where it is known, ``Last-Modified``.
        """
        if self.last_modified is None:
            return {"ETag": self.etag}
        moment = self.last_modified.astimezone(UTC)
        return {"ETag": self.etag, "Last-Modified": format_datetime(moment, usegmt=True)}


def precondition(
    method: str, headers: Mapping[str, str], validators: Validators
) -> HTTPStatus | None:
    """Evaluate the preconditions of a request in the order of RFC 9110, 13.2.2.

    Parameters
    ----------
    method
        Method of the request.
    headers
        Its headers, found regardless of case.
    validators
        State of the resource.

    Returns
    -------
    HTTPStatus or None
        412 or 304; None when the request is to be performed.
    """
    if (tags := headers.get("if-match")) is not None:
        if not _lists(tags, validators.etag, strong=True):
            return HTTPStatus.PRECONDITION_FAILED
    elif _changed_since(headers.get("if-unmodified-since"), validators) is True:
        return HTTPStatus.PRECONDITION_FAILED
    reads = method in {"GET", "HEAD"}
    if (tags := headers.get("if-none-match")) is not None:
        if _lists(tags, validators.etag, strong=False):
            return HTTPStatus.NOT_MODIFIED if reads else HTTPStatus.PRECONDITION_FAILED
    elif reads and _changed_since(headers.get("if-modified-since"), validators) is False:
        return HTTPStatus.NOT_MODIFIED
    return None


def requested_spans(
    method: str, headers: Mapping[str, str], validators: Validators, size_bytes: int
) -> list[Span] | None:
    """Find the pieces that a request asks for.

    Parameters
    ----------
    method
        Method of the request. POST counts like GET, so that a bundle asked for in a form can be
        resumed; RFC 9110, 14.2 leaves that to the resource.
    headers
        Its headers, found regardless of case.
    validators
        State of the resource, for ``If-Range``.
    size_bytes
        Length of the whole [byte].

    Returns
    -------
    list of Span or None
        Pieces in order, merged where they touch; none if nothing of what is asked for exists
        (416); None for the whole.
    """
    wanted = headers.get("range")
    if wanted is None or method not in {"GET", "POST"}:
        return None
    if (state := headers.get("if-range")) is not None and not _is_current(state, validators):
        return None
    return _parse_ranges(wanted, size_bytes)


def _lists(header: str, etag: str, *, strong: bool) -> bool:
    """Tell whether a list of entity tags contains one; weak ones do not count if ``strong``."""
    if header.strip() == "*":
        return True
    tags = _ENTITY_TAG.findall(header)
    return any(f'"{opaque}"' == etag for weak, opaque in tags if not (strong and weak))


def _changed_since(date: str | None, validators: Validators) -> bool | None:
    """Compare with a date; None if there is nothing to compare."""
    moment = _http_date(date)
    if moment is None or validators.last_modified is None:
        return None
    return validators.last_modified.replace(microsecond=0) > moment


def _is_current(state: str, validators: Validators) -> bool:
    """Tell whether ``If-Range`` names the present state: a strong tag, or exactly the date."""
    if state == validators.etag:
        return True
    moment = _http_date(state)
    if moment is None or validators.last_modified is None:
        return False
    return validators.last_modified.replace(microsecond=0) == moment


def _http_date(text: str | None) -> datetime | None:
    """Read a date of HTTP; None if it is not one, for then the header does not count."""
    try:
        moment = parsedate_to_datetime(text) if text else None
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def _parse_ranges(header: str, size_bytes: int) -> list[Span] | None:
    """Read a ``Range`` header; None if it is not one of bytes or not well formed."""
    unit, _, ranges = header.partition("=")
    pieces = [piece for piece in (part.strip() for part in ranges.split(",")) if piece]
    if unit.strip().lower() != "bytes" or not 0 < len(pieces) <= MAX_RANGES:
        return None
    spans = []
    for piece in pieces:
        bounds = _bounds(piece)
        if bounds is None:
            return None
        spans.append(_span(*bounds, size_bytes))
    return _merged([span for span in spans if span.size_bytes > 0])


def _bounds(piece: str) -> tuple[int | None, int | None] | None:
    """Read ``first-last``, ``first-`` or ``-length``; None if it is neither."""
    match = _RANGE.fullmatch(piece)
    if match is None or piece == "-":
        return None
    first, last = (int(digits) if digits else None for digits in match.groups())
    return None if first is not None and last is not None and first > last else (first, last)


def _span(first: int | None, last: int | None, size_bytes: int) -> Span:
    """Cut a range to what exists; empty if nothing does."""
    if first is None:
        return Span(max(size_bytes - (last or 0), 0), size_bytes)
    return Span(first, size_bytes if last is None else min(last + 1, size_bytes))


def _merged(spans: list[Span]) -> list[Span]:
    """Sort, and join spans that overlap or touch."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start):
        if merged and span.start <= merged[-1].stop:
            merged[-1] = Span(merged[-1].start, max(merged[-1].stop, span.stop))
        else:
            merged.append(span)
    return merged
