"""What a thumbnail shall look like (contract: THU §2); light, since the API reads it, too."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from app.core.errors import InvalidError

DEFAULT_BOX_PX: Final = 200
DEFAULT_PERCENTILE: Final = 99.5
DEFAULT_QUALITY: Final = 80
DEFAULT_CAP_PX: Final = 4000
"""Longest side that may be asked for, unless a setting says otherwise [pixel]."""
RENDERING: Final = 1
"""Grows when the same wish gives another picture, so that cached ones are made anew."""

_WHOLE = re.compile(r"\+?[0-9]{1,9}", re.ASCII)
_DECIMAL = re.compile(
    r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]{1,3})?", re.ASCII | re.IGNORECASE
)
_TRUE = frozenset({"true", "1", "yes"})
_FALSE = frozenset({"false", "0", "no", ""})


@dataclass(frozen=True, slots=True)
class ThumbnailSpec:
    """A wish for a thumbnail.

    Attributes
    ----------
    width_px, height_px
        The box that the picture fits in [pixel]; its shape is kept and it is never enlarged.
    label
        Text in the lower left corner; empty for none.
    color
        Whether it is composed of three frames.
    median
        Whether the scaled picture is darkened by its median and brightened to its percentile.
    percentile
        0 to 100, what becomes white then.
    quality
        Of the JPEG, 1 to 100.
    """

    width_px: int = DEFAULT_BOX_PX
    height_px: int = DEFAULT_BOX_PX
    label: str = ""
    color: bool = False
    median: bool = False
    percentile: float = DEFAULT_PERCENTILE
    quality: int = DEFAULT_QUALITY

    @classmethod
    def parse(cls, query: Mapping[str, str], *, cap_px: int = DEFAULT_CAP_PX) -> "ThumbnailSpec":
        """Read a wish from query parameters.

        Parameters
        ----------
        query
            ``width, height, label, color, median, percentile, quality``, each optional, empty for
            the default; other names are ignored.
        cap_px
            Largest width and height [pixel].

        Returns
        -------
        ThumbnailSpec
            With defaults for what is not given.

        Raises
        ------
        InvalidError
            If a value is not allowed; names the parameter (THU-10).
        """  # the readers below raise it
        given = {name: value for name, value in query.items() if value.strip()}
        return cls(
            width_px=_whole(given, "width", DEFAULT_BOX_PX, cap_px),
            height_px=_whole(given, "height", DEFAULT_BOX_PX, cap_px),
            label=given.get("label", "").strip(),
            color=_flag(given, "color"),
            median=_flag(given, "median"),
            percentile=_percentile(given),
            quality=_whole(given, "quality", DEFAULT_QUALITY, 100),
        )

    def query(self) -> str:
        """Write the wish as a query string, which `parse` reads.

        Returns
        -------
        str
            The same for the same wish; defaults are left out.
        """
        values = {
            "width": self.width_px,
            "height": self.height_px,
            "label": self.label,
            "color": int(self.color),
            "median": int(self.median),
            "percentile": self.percentile,
            "quality": self.quality,
        }
        return urlencode({name: v for name, v in values.items() if v != _DEFAULTS[name]})

    def cache_key(self) -> str:
        """Name this wish, the same in every process and on every machine.

        Returns
        -------
        str
            32 hexadecimal digits.
        """
        return hashlib.sha256(f"{RENDERING}?{self.query()}".encode()).hexdigest()[:32]


_DEFAULTS: Final[Mapping[str, object]] = {
    "width": DEFAULT_BOX_PX,
    "height": DEFAULT_BOX_PX,
    "label": "",
    "color": 0,
    "median": 0,
    "percentile": DEFAULT_PERCENTILE,
    "quality": DEFAULT_QUALITY,
}


def _refused(name: str) -> InvalidError:
    return InvalidError(f"Invalid value for {name}", field=name)


def _whole(given: Mapping[str, str], name: str, default: int, highest: int) -> int:
    text = given.get(name, str(default)).strip()
    if not _WHOLE.fullmatch(text) or not 1 <= int(text) <= highest:
        raise _refused(name)
    return int(text)


def _flag(given: Mapping[str, str], name: str) -> bool:
    text = given.get(name, "").strip().lower()
    if text not in _TRUE | _FALSE:
        raise _refused(name)
    return text in _TRUE


def _percentile(given: Mapping[str, str]) -> float:
    text = given.get("percentile", str(DEFAULT_PERCENTILE)).strip()
    if not _DECIMAL.fullmatch(text) or not 0 <= float(text) <= 100:
        raise _refused("percentile")
    return float(text)
