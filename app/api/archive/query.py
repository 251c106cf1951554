"""Parameters of a request → what the catalogue is asked, as the LCO archive reads them."""

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from functools import reduce
from typing import Annotated, Any, Final

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from app.api.archive.wire import FrameOut
from app.api.archive.wire_filters import NAMES, ORDERABLE, FiltersIn
from app.api.cursors import CursorWish
from app.api.frames.lists import Listing
from app.api.frames.wire_filters import SCIENCE_TYPES
from app.api.header_filters import HeaderFilters
from app.api.paging import DEFAULT_LIMIT, MAX_LIMIT
from app.api.tables import Tabular, frame_columns
from app.api.validation import BIGINT_MAX, Given
from app.core.paging import Window
from app.core.sky import Vector
from app.core.sky_text import parse_geometry
from app.frames.models import EMPTY, FrameQuery, OrderBy, Publicity

COLUMNS: Final = frame_columns(FrameOut)
"""What a list of frames can be made of."""

_NEWEST_FIRST: Final = (OrderBy("observed_at", descending=True),)
_YES: Final = frozenset({"true", "1", "yes"})
_NO: Final = frozenset({"false", "0", "no"})


class WindowIn(BaseModel):
    """Which part of a list is wanted, and in which order."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    limit: Annotated[Given[str], Field(examples=["50"])] = None
    """Most items in the answer: 100 when absent, not positive or no number; at most 1000."""

    offset: Given[str] = None
    """Items to pass over; 0 when absent, negative or no number."""

    ordering: Annotated[Given[str], Field(examples=["-exposure_time,basename"])] = None
    """Columns, separated by commas; `-` before a name turns its direction. Unknown names are
    ignored. Default: `-observation_date`."""


async def selection(filters: Annotated[FiltersIn, Query()], headers: HeaderFilters) -> FrameQuery:
    """Read the filters.

    Parameters
    ----------
    filters
        As sent, checked one by one. Names of one filter with different values must all hold.
    headers
        Those on header cards.

    Returns
    -------
    FrameQuery
        In the default order, with the default window.

    Raises
    ------
    InvalidGeometryError
        If `covers` or `intersects` is no geometry.
    """  # the readers below raise it
    first, *others = _layers(filters)
    excluded = {*filters.exclude_configuration_type, *filters.exclude_OBSTYPE}
    return FrameQuery(
        **first,
        also=tuple(FrameQuery(**values, with_versions=False) for values in others),
        types=_types(filters),
        excluded_types=frozenset(map(str, excluded)),
        publicity=Publicity.PROPRIETARY if says_no(filters.public) else Publicity.ALL,
        covers=_point(filters.covers),
        intersects=(
            None
            if filters.intersects is None
            else parse_geometry(filters.intersects, query="intersects")
        ),
        headers=headers,
        with_date=True,
    )


Selection = Annotated[FrameQuery, Depends(selection)]
"""Parameter of a route: the frames that the filters select."""


async def archive_listing(
    selected: Selection,
    place: Annotated[WindowIn, Query()],
    wish: CursorWish,
    table: Tabular,
) -> Listing:
    """Read which list is wanted.

    Parameters
    ----------
    selected
        The frames.
    place
        Their order, and which part of them; what cannot be read counts as absent (ARC-20, ARC-23).
    wish
        How the list is cut into pages.
    table
        In which form it is wanted, and which members.

    Returns
    -------
    Listing
        The newest observation first, unless it is told otherwise.
    """
    order = _order(place.ordering)
    return Listing(replace(selected, order=order, window=window_of(place)), wish, table, COLUMNS)


ArchiveListing = Annotated[Listing, Depends(archive_listing)]
"""Parameter of a route: which list is wanted."""


def window_of(place: WindowIn) -> Window:
    """Read which part of a list is wanted.

    Parameters
    ----------
    place
        As sent.

    Returns
    -------
    Window
        Of 100 items from the first one on, where no number says otherwise.
    """
    limit, offset = _number(place.limit), _number(place.offset)
    return Window(
        limit=min(limit, MAX_LIMIT) if limit > 0 else DEFAULT_LIMIT,
        offset=min(max(offset, 0), BIGINT_MAX),
    )


def says_no(text: str | None) -> bool:
    """Tell whether a flag is clearly switched off.

    Parameters
    ----------
    text
        As sent; None when absent.

    Returns
    -------
    bool
        False for anything that is no clear no.
    """
    return text is not None and text.strip().lower() in _NO


def _layers(filters: FiltersIn) -> list[dict[str, Any]]:
    """Give the values of the filters; a second value for the same one goes into a second layer."""
    layers: defaultdict[int, dict[str, Any]] = defaultdict(dict)
    layers[0] = {}
    for attribute, names in NAMES.items():
        given = (value for name in names if (value := getattr(filters, name)) is not None)
        for depth, value in enumerate(dict.fromkeys(given)):
            layers[depth][attribute] = str(value) if attribute == "request" else value
    if filters.empty_target_name is not None:
        depth = 1 if "object_name" in layers[0] else 0
        layers[depth]["object_name"] = EMPTY
    return [layers[depth] for depth in sorted(layers)]


def _types(filters: FiltersIn) -> frozenset[str] | None:
    """Give the classes that pass every filter on them; None for all."""
    wishes: list[Iterable[str] | None] = [
        [filters.OBSTYPE] if filters.OBSTYPE is not None else None,
        [filters.configuration_type] if filters.configuration_type is not None else None,
        list(map(str, filters.include_configuration_type)) or None,
        SCIENCE_TYPES if (filters.exclude_calibrations or "").strip().lower() in _YES else None,
    ]
    given = [frozenset(wish) for wish in wishes if wish is not None]
    return reduce(frozenset.intersection, given) if given else None


def _point(text: str | None) -> Vector | None:
    geometry = None if text is None else parse_geometry(text, query="covers")
    return geometry if isinstance(geometry, Vector) else None


def _order(text: str | None) -> tuple[OrderBy, ...]:
    words = [word.strip() for word in (text or "").split(",")]
    known = [
        OrderBy(ORDERABLE[name], descending=word.startswith("-"))
        for word in words
        if (name := word.removeprefix("-")) in ORDERABLE
    ]
    return tuple(known) or _NEWEST_FIRST


def _number(text: str | None) -> int:
    """Read a number; 0 for what is none."""
    with suppress(ValueError):
        return int(text or "")
    return 0
