"""What a preview shall look like; light, since the API and the worker read it, too."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from enum import StrEnum
from math import isfinite
from typing import Final, TypeVar

from app.core.errors import InvalidError

MAX_WIDTH_PX: Final = 4096
DEFAULT_PERCENTILES: Final = (1.0, 99.5)
MAX_EXTNAME: Final = 68
"""Characters that the value of one card can hold (FITS standard 4.0, 4.2.1.1)."""
RENDERING: Final = 1
"""Grows when the same wish gives another picture, so that cached ones are made anew."""


_INDEX = re.compile(r"[0-9]{1,6}")


class PictureFormat(StrEnum):
    """How the picture is encoded."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"


class Stretch(StrEnum):
    """How pixel values between the limits become brightness."""

    LINEAR = "linear"
    SQRT = "sqrt"
    LOG = "log"
    ASINH = "asinh"


class Interval(StrEnum):
    """How the limits are found, below and above which brightness no longer changes."""

    PERCENTILE = "percentile"
    ZSCALE = "zscale"
    MINMAX = "minmax"


class ColorMap(StrEnum):
    """The colours of low to high brightness."""

    GRAY = "gray"
    GRAY_R = "gray_r"
    VIRIDIS = "viridis"
    INFERNO = "inferno"
    MAGMA = "magma"
    PLASMA = "plasma"
    CIVIDIS = "cividis"
    HOT = "hot"
    COOL = "cool"
    RAINBOW = "rainbow"
    TURBO = "turbo"
    CUBEHELIX = "cubehelix"


Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class PreviewSpec:
    """A wish for a preview. The field of an error is the name of the query parameter.

    Attributes
    ----------
    width_px
        Width of the picture, 1 to 4096 [pixel]; the height follows in proportion.
    format
        How it is encoded. PNG and WebP show NaN transparent, JPEG as the lowest value.
    stretch, interval, cmap
        See there.
    lower, upper
        Percentiles 0 to 100 for `Interval.PERCENTILE`, None for 1 and 99.5; pixel values for
        `Interval.MINMAX`, None for those of the image; must be None for `Interval.ZSCALE`.
    ext
        Index or EXTNAME of the HDU; None for the science image.
    trimmed
        Whether only the part is shown that the header says holds the sky (TRIMSEC).

    Raises
    ------
    InvalidError
        If a value is not allowed; names the parameter, the value and what is allowed.
    """  # the checks below raise it

    width_px: int = 600
    format: PictureFormat = PictureFormat.PNG
    stretch: Stretch = Stretch.LINEAR
    interval: Interval = Interval.ZSCALE
    lower: float | None = None
    upper: float | None = None
    cmap: ColorMap = ColorMap.GRAY
    ext: int | str | None = None
    trimmed: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.width_px <= MAX_WIDTH_PX:
            raise _refused("width", self.width_px, f"a whole number from 1 to {MAX_WIDTH_PX}")
        if self.ext is not None and not _is_ext(self.ext):
            raise _refused("ext", self.ext, "an HDU index from 0, or an EXTNAME")
        for name, limit in (("lower", self.lower), ("upper", self.upper)):
            if limit is not None:
                self._check_limit(name, limit)
        lower, upper = self.limits
        if lower is not None and upper is not None and lower >= upper:
            raise _refused("lower", lower, f"less than upper = {upper:g}")

    def _check_limit(self, name: str, limit: float) -> None:
        if self.interval is Interval.ZSCALE:
            raise _refused(name, limit, "no limit with interval = zscale, which finds its own")
        if self.interval is Interval.PERCENTILE and not 0 <= limit <= 100:
            raise _refused(name, limit, "a percentile from 0 to 100")
        if not isfinite(limit):
            raise _refused(name, limit, "a finite number")

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """Lower and upper limit with the defaults of the interval; None: to be found."""
        if self.interval is not Interval.PERCENTILE:
            return self.lower, self.upper
        low, high = DEFAULT_PERCENTILES
        return low if self.lower is None else self.lower, high if self.upper is None else self.upper

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> "PreviewSpec":
        """Read a wish from query parameters.

        Parameters
        ----------
        query
            ``width, format, stretch, interval, lower, upper, cmap, ext``, each optional, empty
            for the default; other names are ignored.

        Returns
        -------
        PreviewSpec
            With defaults for what is not given.

        Raises
        ------
        InvalidError
            If a value is not allowed; names the parameter, the value and what is allowed.
        """  # the readers below raise it
        given = {name: value.strip() for name, value in query.items() if value.strip()}
        return cls(
            width_px=_whole(given.get("width", "600"), "width"),
            format=_choice(PictureFormat, given.get("format", "png"), "format"),
            stretch=_choice(Stretch, given.get("stretch", "linear"), "stretch"),
            interval=_choice(Interval, given.get("interval", "zscale"), "interval"),
            lower=_number(given.get("lower"), "lower"),
            upper=_number(given.get("upper"), "upper"),
            cmap=_choice(ColorMap, given.get("cmap", "gray"), "cmap"),
            ext=_ext(given.get("ext")),
        )

    @property
    def content_type(self) -> str:
        """Media type of the picture."""
        return f"image/{self.format}"

    def cache_key(self) -> str:
        """Name this wish, the same in every process and on every machine.

        Returns
        -------
        str
            32 hexadecimal digits.
        """
        values = repr((RENDERING, *[_plain(value) for value in astuple(self)]))
        return hashlib.sha256(values.encode()).hexdigest()[:32]


def _plain(value: float | str | None) -> float | str | None:
    """Return enumerations as their text, whole limits as floats."""
    return str(value) if isinstance(value, StrEnum) else value


def _refused(name: str, value: object, allowed: str) -> InvalidError:
    shown = repr(value)[:80]
    return InvalidError(f"{name} = {shown} is not allowed; it must be {allowed}", field=name)


def _choice(choices: type[Choice], text: str, name: str) -> Choice:
    try:
        return choices(text.lower())
    except ValueError as error:
        raise _refused(name, text, f"one of {', '.join(choices)}") from error


def _whole(text: str, name: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise _refused(name, text, f"a whole number from 1 to {MAX_WIDTH_PX}") from error


def _number(text: str | None, name: str) -> float | None:
    if text is None:
        return None
    try:
        return float(text)
    except ValueError as error:
        raise _refused(name, text, "a number") from error


def _ext(text: str | None) -> int | str | None:
    return int(text) if text is not None and _INDEX.fullmatch(text) else text


def _is_ext(ext: int | str) -> bool:
    return ext >= 0 if isinstance(ext, int) else len(ext) <= MAX_EXTNAME
