"""Header cards as the dialects show them. Contracts: PYO-32, ARC-42, ARC-81."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.api.frames import examples
from app.api.validation import Given, Text
from app.core.errors import InvalidError
from app.fits.merging import merged_values, values_of
from app.frames.models import HeaderOfHdu, Version

Scalar = bool | int | float | str | None


class ExtIn(BaseModel):
    """Which header is wanted."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    ext: Annotated[Given[Text], Field(examples=["SCI", "0"])] = None
    """Index or EXTNAME of one HDU, whose cards are shown as they are. Default: the cards of the
    science HDU, over those of the primary one."""


class CardOut(BaseModel):
    """A card."""

    key: str
    value: Scalar


class HduOut(BaseModel):
    """An HDU of the file."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    index: int
    """0 is the primary HDU."""
    name: str
    """EXTNAME; empty for none."""
    kind: str
    """What it holds."""


class HeadersOut(BaseModel):
    """The header of a frame, in the forms of both dialects."""

    model_config = ConfigDict(
        use_attribute_docstrings=True, json_schema_extra={"examples": [examples.HEADERS]}
    )

    results: list[CardOut]
    """The cards by keyword, without commentary; undefined values are null."""
    data: dict[str, Scalar]
    """The same as an object; keywords with a hyphen also with an underscore."""
    hdus: list[HduOut]
    """All HDUs of the file."""
    repairs: list[str]
    """What had to be repaired or left out to read the file, one sentence each."""
    fits_checksum: str | None
    """What CHECKSUM and DATASUM said of the bytes as they were received: `valid`, `invalid`, or
    `absent`; null where nobody looked."""
    checksum_flaws: list[str]
    """HDU and keyword of each of them that was wrong."""


def headers_out(
    hdus: Sequence[HeaderOfHdu], version: Version | None, *, ext: str | None
) -> HeadersOut:
    """Write headers.

    Parameters
    ----------
    hdus
        Of the file.
    version
        The file; None: a client described the frame, and there is none.
    ext
        Index or EXTNAME of the one that is wanted; None for the science HDU over the primary one.

    Returns
    -------
    HeadersOut
        Keywords sorted; of duplicate cards the first.

    Raises
    ------
    InvalidError
        If there is no such HDU.
    """  # the search below raises it
    science_hdu = None if version is None else version.science_hdu
    checksums = None if version is None else version.checksums
    data = dict(sorted(_values(hdus, science_hdu, ext).items()))
    copies = {key.replace("-", "_"): value for key, value in data.items() if "-" in key}
    return HeadersOut(
        results=[CardOut(key=key, value=value) for key, value in data.items()],
        data=copies | data,
        hdus=[HduOut(index=hdu.index, name=hdu.name, kind=hdu.kind) for hdu in hdus],
        repairs=[] if version is None else list(version.repairs),
        fits_checksum=None if checksums is None else checksums.state,
        checksum_flaws=[] if checksums is None else list(checksums.flaws),
    )


def _values(
    hdus: Sequence[HeaderOfHdu], science_hdu: int | None, ext: str | None
) -> dict[str, Scalar]:
    if ext is not None:
        return values_of(_named(hdus, ext).cards)
    return merged_values({hdu.index: hdu.cards for hdu in hdus}, science_hdu)


def _named(hdus: Sequence[HeaderOfHdu], ext: str) -> HeaderOfHdu:
    """Find an HDU.

    Raises
    ------
    InvalidError
        If there is none of this index or name.
    """
    wanted = ext.strip().upper()
    for hdu in hdus:
        if wanted in {str(hdu.index), hdu.name.upper()}:
            return hdu
    known = ", ".join(f"{hdu.index} {hdu.name}".strip() for hdu in hdus[:50])
    raise InvalidError(f"ext = {ext[:80]!r} is no HDU; there are {known}", field="ext")
