"""Windows into lists, and links to the windows beside them, as the merged root dialect has them."""

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import unquote_plus

from fastapi import Depends, Query, Request
from starlette.responses import Response

from app.api.json_bodies import json_response
from app.api.mounts import base_url, mount_prefix
from app.api.tables.wishes import VARY
from app.api.validation import BIGINT_MAX, Given
from app.core.paging import Window

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000


async def root_window(
    limit: Annotated[
        Given[int],
        Query(
            description=f"Most items in the answer. {DEFAULT_LIMIT} when absent, 0 or negative;"
            f" never more than {MAX_LIMIT}."
        ),
    ] = None,
    offset: Annotated[
        Given[Annotated[int, Query(le=BIGINT_MAX)]],
        Query(description="Items to pass over; 0 when absent or negative."),
    ] = None,
) -> Window:
    """Read the window of a list at the root.

    Parameters
    ----------
    limit
        As sent; None when absent.
    offset
        As sent; None when absent.

    Returns
    -------
    Window
        What the service is asked for.
    """
    wanted = limit if limit is not None and limit > 0 else DEFAULT_LIMIT
    return Window(limit=min(wanted, MAX_LIMIT), offset=max(offset or 0, 0))


RootWindow = Annotated[Window, Depends(root_window)]
"""Parameter of a route: ``window: RootWindow``."""


def page_response(
    request: Request, *, count: int, window: Window, results: Sequence[object], **more: object
) -> Response:
    """Answer with a page of a list, between links to its neighbours.

    Parameters
    ----------
    request
        For the page.
    count
        Length of the whole list.
    window
        The page at hand.
    results
        Its items: plain values.
    **more
        Further members of the envelope.

    Returns
    -------
    Response
        JSON, in the envelope of Django REST framework.
    """
    following, previous = links_beside(request, count=count, window=window)
    envelope = {"count": count, "next": following, "previous": previous, "results": results}
    return json_response(envelope | more, headers=VARY)


def links_beside(request: Request, *, count: int, window: Window) -> tuple[str | None, str | None]:
    """Write the links to the pages beside the one that a request asked for.

    Parameters
    ----------
    request
        For a page.
    count
        Length of the whole list.
    window
        The page at hand.

    Returns
    -------
    tuple
        Absolute URLs of the next and of the previous page, within the mount that the request came
        through; None where there is none.
    """
    path = request.url.path.removeprefix(mount_prefix(request.scope))
    root = base_url(request)
    return page_links(path, request.url.query, http_root=root, count=count, window=window)


def page_links(
    path: str, query: str, *, http_root: str, count: int, window: Window
) -> tuple[str | None, str | None]:
    """Write the links to the next and the previous page.

    Parameters
    ----------
    path
        Path of the list, escaped, from the first slash on.
    query
        Query string of the request; all but ``limit`` and ``offset`` is kept as it came.
    http_root
        Public URL of the service, since a proxy may stand before it.
    count
        Length of the whole list.
    window
        The page at hand.

    Returns
    -------
    tuple
        Absolute URLs of the next and of the previous page; None where there is none.
    """
    kept = [part for part in query.split("&") if part and not _places_window(part)]
    base = f"{http_root.rstrip('/')}{path}"

    def link(offset: int) -> str:
        place = [f"limit={window.limit}", *([f"offset={offset}"] if offset else [])]
        return f"{base}?{'&'.join([*kept, *place])}"

    end = window.offset + window.limit
    before = min(window.offset, count) - window.limit
    return (
        link(end) if end < count else None,
        link(max(before, 0)) if window.offset > 0 else None,
    )


def _places_window(part: str) -> bool:
    """Tell whether a part of a query string is ``limit`` or ``offset``."""
    return unquote_plus(part.partition("=")[0]) in {"limit", "offset"}
