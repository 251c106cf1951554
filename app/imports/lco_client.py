"""Speaks to an archive of the LCO dialect: patient, and no more than it is allowed."""

import email.utils
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx

from app.core.errors import DeniedError, InvalidError, NotFoundError, UnavailableError
from app.imports.lco_items import NotLcoError, moment_of
from app.imports.patience import Patience

_PAGE = 200
_PASSING = {408, 425, 429, 500, 502, 503, 504}


class LcoClient:
    """Reads from an archive of the LCO dialect.

    Parameters
    ----------
    http
        A client whose base URL is the mount of the dialect.
    token
        For what is not public; None for none. It is sent to the archive itself alone, never to
        the hosts that its download links name.
    patience
        With what fails.
    """

    def __init__(
        self, http: httpx.AsyncClient, *, token: str | None = None, patience: Patience | None = None
    ) -> None:
        self._http = http
        self._headers = {} if token is None else {"Authorization": f"Token {token}"}
        self._patience = patience or Patience()

    @property
    def patience(self) -> Patience:
        """With what fails; to be used afresh."""
        return self._patience.fresh()

    async def count(self, filters: Mapping[str, str]) -> int:
        """Count frames, as well as the other archive knows.

        Parameters
        ----------
        filters
            Query parameters of the dialect.

        Returns
        -------
        int
            May be an estimate.
        """
        document = await self.get("frames/", {**filters, "limit": "1", "force_count": "true"})
        count = document.get("count") if isinstance(document, dict) else None
        return count if isinstance(count, int) else 0

    async def greatest_id(self) -> int:
        """Give the greatest number of a frame.

        Returns
        -------
        int
            0 where there is none.
        """
        items, _ = await self._page({"ordering": "-id", "limit": "1"})
        return max((_id_of(item) or 0 for item in items), default=0)

    async def pages(self, filters: Mapping[str, str]) -> AsyncIterator[list[Any]]:
        """Go through the frames by the start of the exposure, oldest first.

        The list is entered anew at the last date seen, so that a page costs the same wherever it
        is, and nothing is missed or seen twice if frames are added or removed meanwhile.

        Parameters
        ----------
        filters
            Query parameters of the dialect.

        Yields
        ------
        list
            Items of a page, as JSON.

        Raises
        ------
        NotLcoError
            If the other archive does not speak the dialect.
        """
        place = _Place(filters.get("start"))
        while True:
            items, is_last = await self._page({**filters, **place.parameters()})
            yield [item for item in place.unseen(items) if not _is_undated(item)]
            if is_last:
                break
            place = place.after(items)
        if "start" not in filters and "end" not in filters:
            async for undated in self._undated(filters):
                yield undated

    async def _undated(self, filters: Mapping[str, str]) -> AsyncIterator[list[Any]]:
        """Go through the frames that no date leads to; strict archives list none of them."""
        dated = await self.count({**filters, "start": "1800-01-01"})
        if await self.count(filters) <= dated:
            return
        offset, is_last = 0, False
        while not is_last:
            by_id = {"ordering": "id", "limit": str(_PAGE), "offset": str(offset)}
            items, is_last = await self._page({**filters, **by_id})
            offset += len(items)
            yield [item for item in items if _is_undated(item)]

    async def _page(self, parameters: Mapping[str, str]) -> tuple[list[Any], bool]:
        """Give a page, and whether it is the last one.

        Raises
        ------
        NotLcoError
            If the other archive does not speak the dialect.
        """
        document = await self.get("frames/", parameters)
        if not isinstance(document, dict) or not isinstance(document.get("results"), list):
            raise NotLcoError(
                f"{self._http.base_url} does not list frames as the LCO dialect does: give the"
                " URL below which frames/ is"
            )
        items = document["results"]
        return items, not document.get("next") or not items

    async def get(self, path: str, parameters: Mapping[str, str]) -> Any:  # noqa: ANN401  # JSON
        """Get a document; try again while it makes sense.

        Parameters
        ----------
        path
            Below the mount.
        parameters
            Of the query.

        Returns
        -------
        Any
            JSON.

        Raises
        ------
        NotLcoError
            If it is no JSON.
        UnavailableError
            If there is no answer, again and again.
        """
        response = await self._ask_patiently(path, parameters)
        try:
            return response.json()
        except ValueError as error:
            raise NotLcoError(f"{path} is not answered with JSON") from error

    @asynccontextmanager
    async def stream(self, url: str, *, start: int) -> AsyncIterator[httpx.Response]:
        """Open a file of the other archive; tried once.

        Parameters
        ----------
        url
            As its item gives it; it opens the file by itself.
        start
            Where to begin [byte].

        Yields
        ------
        httpx.Response
            Status 200 (from the beginning), 206, or 416 where nothing is left.

        Raises
        ------
        InvalidError
            If it is no HTTP address.
        UnavailableError
            If it does not answer.
        """
        address = self._http.base_url.join(url)
        if address.scheme not in {"http", "https"}:
            raise InvalidError(f"the other archive gives {url[:80]!r} as the address of a file")
        is_same_host = _origin(address) == _origin(self._http.base_url)
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        if is_same_host and not address.query:  # it is not signed: only the token can open it
            headers |= self._headers
        try:
            async with self._http.stream("GET", address, headers=headers) as response:
                _check_status(response)
                yield response
        except httpx.TransportError as error:
            raise UnavailableError(f"{address.host} stopped sending", retry_after_s=0) from error

    async def _ask_patiently(self, path: str, parameters: Mapping[str, str]) -> httpx.Response:
        patience = self.patience
        while True:
            try:
                return await self._ask(path, parameters)
            except UnavailableError as error:
                if not await patience.wait(error.retry_after_s):
                    raise

    async def _ask(self, path: str, parameters: Mapping[str, str]) -> httpx.Response:
        """Ask once.

        Raises
        ------
        UnavailableError
            If there is no answer.
        """
        try:
            response = await self._http.get(path, params=dict(parameters), headers=self._headers)
        except httpx.TransportError as error:
            away = f"{self._http.base_url} does not answer"
            raise UnavailableError(away, retry_after_s=0) from error
        _check_status(response)
        return response


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _check_status(response: httpx.Response) -> None:
    """Refuse an answer that is none.

    Raises
    ------
    DeniedError
        If a token is missing or wrong, or a link has expired.
    NotFoundError
        If there is no such thing.
    InvalidError
        If the other archive finds fault with the request.
    UnavailableError
        If it may answer later.
    """
    status, where = response.status_code, f"{response.url.host}{response.url.path}"
    if status in _PASSING:
        raise UnavailableError(f"{where} answers {status}", retry_after_s=_told_wait_s(response))
    if status in {401, 403}:
        raise DeniedError(f"{where} answers {status}: give a token that may read this")
    if status in {404, 410}:
        raise NotFoundError(f"{where} answers {status}")
    is_past_the_end = status == 416 and "Range" in response.request.headers
    if status not in {200, 206} and not is_past_the_end:
        raise InvalidError(f"{where} answers {status}")


def _told_wait_s(response: httpx.Response) -> float:
    """Give how long the other side asks to wait (RFC 9110, section 10.2.3) [s]; 0 for nothing."""
    told = response.headers.get("Retry-After", "")
    if told.isascii() and told.isdecimal():
        return float(told[:9])
    try:
        moment = email.utils.parsedate_to_datetime(told)
    except ValueError:
        return 0.0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


class _Place:
    """Where in the list the next page begins: a date, and how many of that date to pass over."""

    def __init__(
        self, date: str | None, offset: int = 0, seen: frozenset[object] = frozenset()
    ) -> None:
        self._date = date
        self._offset = offset
        self._seen = seen

    def parameters(self) -> dict[str, str]:
        """Give what the query needs."""
        start = {} if self._date is None else {"start": self._date}
        numbers = {"limit": str(_PAGE), "offset": str(self._offset)}
        return {"ordering": "observation_date", **numbers, **start}

    def unseen(self, items: list[Any]) -> list[Any]:
        """Leave out what an earlier page had."""
        return [item for item in items if _id_of(item) not in self._seen]

    def after(self, items: list[Any]) -> "_Place":
        """Give the place after a page.

        Raises
        ------
        NotLcoError
            If the page is not in the order that was asked for.
        """
        moments = [_moment_of(item) for item in items]
        if moments != sorted(moments):
            raise NotLcoError("the other archive does not sort frames by observation_date")
        date = _date_of(items[-1])
        same = frozenset(
            _id_of(item)
            for item, moment in zip(items, moments, strict=True)
            if moment == moments[-1]
        )
        if date in {self._date, None}:
            return _Place(self._date, self._offset + len(items), self._seen | same)
        return _Place(date, 0, same)


def _id_of(item: Any) -> int | None:  # noqa: ANN401  # JSON
    number = item.get("id") if isinstance(item, dict) else None
    return number if isinstance(number, int) else None


def _date_of(item: Any) -> str | None:  # noqa: ANN401  # JSON
    date = (item.get("observation_date") or item.get("DATE_OBS")) if isinstance(item, dict) else ""
    return str(date) if date else None


def _is_undated(item: Any) -> bool:  # noqa: ANN401  # JSON
    return isinstance(item, dict) and _date_of(item) is None


def _moment_of(item: Any) -> datetime:  # noqa: ANN401  # JSON
    """Give the date of an item; frames without one stand at the end.

    Raises
    ------
    NotLcoError
        If it is no date.
    """
    date = _date_of(item)
    try:
        return datetime.max.replace(tzinfo=UTC) if date is None else moment_of(date)
    except ValueError as error:
        raise NotLcoError(f"the other archive gives {date!r} as a date") from error
