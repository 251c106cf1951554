"""Frames with real images, and their thumbnails, for tests of the thumbnail service."""

import io
import itertools
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
from astropy.io import fits
from numpy.typing import NDArray
from PIL import Image

from tests.support.frames import Made, a_frame
from tests.support.serving import Served
from tests.support.star_fields import Pointing, exposure, stars

Pixels = NDArray[Any]

_numbers = itertools.count(1)

CHANNELS = {"rp": Pointing(), "V": Pointing((6.0, -4.0)), "B": Pointing((-5.0, 3.0), 1.0)}
"""How the exposures of a request in colour lie on the field."""


def ramp(shape: tuple[int, ...] = (50, 100)) -> Pixels:
    """Make pixels that grow to the upper right."""
    return np.arange(np.prod(shape), dtype="f4").reshape(shape)


def file_of(pixels: Pixels | None, *, packed: bool = False) -> bytes:
    """Write a FITS file that no other equals; None for one without an image."""
    number = fits.Header([("SERIAL", next(_numbers))])
    hdus = [fits.PrimaryHDU(None if packed else pixels, number)]
    if packed:
        hdus.append(fits.CompImageHDU(pixels))
    buffer = io.BytesIO()
    fits.HDUList(hdus).writeto(buffer)
    return buffer.getvalue()


async def a_shown_frame(
    api: Served,
    pixels: Pixels | None = None,
    basename: str | None = None,
    *,
    packed: bool = False,
    **wish: Any,  # noqa: ANN401  # of a_frame
) -> Made:
    """File a frame with an image in the store."""
    content = file_of(ramp() if pixels is None else pixels, packed=packed)
    given = {"extension": ".fits.fz" if packed else ".fits", "content": content, **wish}
    return await a_frame(api.archive.sessions, basename, store=api.archive.store, **given)


async def a_request_in_colour(api: Served, request_id: int = 77, **wish: Any) -> dict[str, Made]:  # noqa: ANN401  # of a_frame
    """File reduced frames of one field by filter."""
    field = stars()
    return {
        name: await a_shown_frame(
            api,
            exposure(field, pointing, seed),
            f"req{request_id}-{name}-e91",
            **{
                "filter_name": name,
                "request_id": request_id,
                "request_text": str(request_id),
                "reduction_level": 91,
                **wish,
            },
        )
        for seed, (name, pointing) in enumerate(CHANNELS.items())
    }


async def picture_at(api: Served, url: str) -> Image.Image:
    """Fetch a picture by its URL, without a token."""
    answer = await api.client.get(url)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/jpeg"
    picture = Image.open(io.BytesIO(answer.content))
    picture.load()
    assert (picture.format, picture.mode) == ("JPEG", "RGB")
    return picture


async def thumbnail(
    api: Served, path: str, token: str | None = None, **params: object
) -> Image.Image:
    """Ask for a thumbnail and fetch it."""
    answer = await api.get(path, token, **params)
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert sorted(document) == ["propid", "url"]
    return await picture_at(api, document["url"])


def refused(answer: httpx.Response) -> tuple[int, str]:
    """Give status and message of an error, which is JSON with a message."""
    document = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert set(document) <= {"message", "reason"}
    return answer.status_code, document["message"]


def path_of(url: str) -> str:
    """Give the path of a URL, which must be absolute."""
    parts = urlsplit(url)
    assert parts.scheme in {"http", "https"}
    assert parts.netloc
    return parts.path
