"""Wishes for thumbnails: whatever is asked is a wish or an error that names the parameter."""

from contextlib import suppress
from urllib.parse import parse_qsl

from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import InvalidError
from app.previews.thumbnail_models import ThumbnailSpec

NAMES = ("width", "height", "label", "color", "median", "percentile", "quality")
VALUES = st.text(max_size=8) | st.integers().map(str) | st.floats().map(str)


@given(st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_every_query_is_a_wish_or_names_what_is_wrong(query: dict[str, str]) -> None:
    refused: list[InvalidError] = []
    wish = ThumbnailSpec()
    try:
        wish = ThumbnailSpec.parse(query)
    except InvalidError as error:
        refused.append(error)
    for found in refused:
        assert found.field in query
        assert found.message == f"Invalid value for {found.field}"
    assert 1 <= wish.width_px <= 4000
    assert 1 <= wish.height_px <= 4000
    assert 0 <= wish.percentile <= 100
    assert 1 <= wish.quality <= 100


@given(st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_a_wish_survives_its_query(query: dict[str, str]) -> None:
    with suppress(InvalidError):
        wish = ThumbnailSpec.parse(query)
        again = dict(parse_qsl(wish.query(), errors="strict"))
        assert ThumbnailSpec.parse(again) == wish
