"""The wish for a preview: what is allowed, what a refusal says, and a stable cache key."""

import subprocess
import sys
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import InvalidError
from app.previews.models import ColorMap, Interval, PictureFormat, PreviewSpec, Stretch

QUERY = {
    "width": "200",
    "format": "JPEG",
    "stretch": "asinh",
    "interval": "percentile",
    "lower": "5",
    "upper": "95",
    "cmap": "viridis",
    "ext": "2",
}


def test_parameters_are_read() -> None:
    assert PreviewSpec.parse(QUERY) == PreviewSpec(
        width_px=200,
        format=PictureFormat.JPEG,
        stretch=Stretch.ASINH,
        interval=Interval.PERCENTILE,
        lower=5.0,
        upper=95.0,
        cmap=ColorMap.VIRIDIS,
        ext=2,
    )
    assert PreviewSpec.parse({"width": " ", "other": "x"}) == PreviewSpec()
    assert PreviewSpec.parse({"ext": "SCI"}).ext == "SCI"
    assert PreviewSpec(format=PictureFormat.WEBP).content_type == "image/webp"


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ({"width": "0"}, "width", "1 to 4096"),
        ({"width": "4097"}, "width", "1 to 4096"),
        ({"width": "wide"}, "width", "whole number"),
        ({"width": "1e3"}, "width", "whole number"),
        ({"format": "gif"}, "format", "png, jpeg, webp"),
        ({"stretch": "x"}, "stretch", "linear, sqrt, log, asinh"),
        ({"interval": "x"}, "interval", "percentile, zscale, minmax"),
        ({"cmap": "x"}, "cmap", "gray, gray_r"),
        ({"lower": "x", "interval": "minmax"}, "lower", "a number"),
        ({"lower": "nan", "interval": "minmax"}, "lower", "finite"),
        ({"upper": "inf", "interval": "minmax"}, "upper", "finite"),
        ({"lower": "1", "interval": "zscale"}, "lower", "no limit"),
        ({"upper": "101", "interval": "percentile"}, "upper", "0 to 100"),
        ({"lower": "nan", "interval": "percentile"}, "lower", "0 to 100"),
        ({"lower": "9", "upper": "8", "interval": "minmax"}, "lower", "less than upper = 8"),
        ({"lower": "99.9", "interval": "percentile"}, "lower", "less than upper = 99.5"),
        ({"width": "9" * 5000}, "width", "whole number"),
        ({"ext": "9" * 5000}, "ext", "HDU index"),
    ],
)
def test_a_refusal_names_the_parameter_the_value_and_what_is_allowed(
    query: dict[str, str], field: str, words: str
) -> None:
    with pytest.raises(InvalidError, match=words) as caught:
        PreviewSpec.parse(query)
    assert caught.value.field == field
    assert field in caught.value.message
    assert len(caught.value.message) < 400


@given(st.dictionaries(st.sampled_from(sorted(QUERY)), st.text(max_size=12)))
def test_no_query_raises_anything_else(query: dict[str, str]) -> None:
    with suppress(InvalidError):
        assert len(PreviewSpec.parse(query).cache_key()) == 32


def test_the_cache_key_tells_wishes_apart_and_is_the_same_in_every_process() -> None:
    specs = [
        PreviewSpec(),
        PreviewSpec(width_px=601),
        PreviewSpec(ext=1),
        PreviewSpec(ext="1"),
        PreviewSpec(interval=Interval.MINMAX),
        PreviewSpec(interval=Interval.MINMAX, lower=0.0),
        PreviewSpec(interval=Interval.MINMAX, upper=0.0),
    ]
    assert len({spec.cache_key() for spec in specs}) == len(specs)
    assert PreviewSpec.parse({"width": "600"}).cache_key() == PreviewSpec().cache_key()
    code = "from app.previews.models import PreviewSpec; print(PreviewSpec().cache_key())"
    assert output_of(code) == PreviewSpec().cache_key()


def test_the_model_loads_nothing_heavy() -> None:
    heavy = "{'astropy', 'numpy', 'PIL', 'cmap', 'fitsio'}"
    modules = "import sys, app.previews.models, app.fits.results"
    assert output_of(f"{modules}; print(sorted({heavy} & set(sys.modules)))") == "[]"


def output_of(code: str) -> str:
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  # ours
    return run.stdout.strip()
