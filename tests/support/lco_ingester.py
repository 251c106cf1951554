"""What an ingester of the LCO archive posts, for tests."""

import hashlib
import json
from pathlib import Path
from typing import Any

import httpx

from tests.support.lco import Lco
from tests.support.serving import as_user

ABSENT = ...
"""As a field of a body: not sent."""

RING = [[10.0, -1.0], [12.0, -1.0], [12.0, 1.0], [10.0, 1.0], [10.0, -1.0]]

HEADERS: dict[str, Any] = {
    "OBJECT": "M67",
    "RA": "00:44:00.0",
    "DEC": "+00:00:00",
    "AIRMASS": 1.25,
    "USERID": "vera",
    "NAXIS1": 24,
    "NAXIS2": 32,
    "CCDSUM": "2 2",
}

FOLDER = "tst/fa15/20190914"
"""Where the file store puts what `a_post` describes."""


def md5_of(content: bytes) -> str:
    """Give the MD5 of bytes."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def a_version(content: bytes, **change: object) -> dict[str, Any]:
    """Describe bytes as the file store of an ingester does."""
    return {"md5": md5_of(content), "key": md5_of(content), "extension": ".fits", **change}


def a_post(basename: str, **change: object) -> dict[str, Any]:
    """Describe a frame as an ingester does."""
    given: dict[str, Any] = {
        "basename": basename,
        "headers": HEADERS,
        "version_set": [a_version(basename.encode("utf-8", "replace"))],
        "related_frame_filenames": [],
        "area": {"type": "Polygon", "coordinates": [RING]},
        "observation_day": "20190914",
        "observation_date": "2019-09-14T23:30:15.250",
        "proposal_id": "LCO2019B-001",
        "instrument_id": "fa15",
        "target_name": "M67",
        "reduction_level": 0,
        "site_id": "tst",
        "telescope_id": "1m0a",
        "exposure_time": 12.5,
        "primary_optical_element": "V",
        "public_date": "2020-09-14T23:30:15.250",
        "configuration_type": "EXPOSE",
        "observation_id": 7,
        "request_id": 123,
    }
    return {name: value for name, value in (given | change).items() if value is not ABSENT}


async def send(lco: Lco, path: str, token: str | None, body: object) -> httpx.Response:
    """Post JSON, as ASCII, with whatever it holds."""
    headers = as_user(token) | {"Content-Type": "application/json"}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await lco.client.post(f"/archive/{path}", content=content, headers=headers)


async def posted(lco: Lco, token: str, basename: str = "a", /, **change: object) -> dict[str, Any]:
    """Post a frame, which must be taken."""
    answer = await send(lco, "frames/", token, a_post(basename, **change))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def refused(lco: Lco, token: str, /, **change: object) -> dict[str, Any]:
    """Post a frame, which must be refused."""
    answer = await send(lco, "frames/", token, a_post("a") | change)
    assert answer.status_code == 400, answer.text
    return dict(answer.json())


def put(lco: Lco, key: str, content: bytes) -> Path:
    """Put a file where the file store of an ingester does."""
    path = lco.archive.settings.filestore / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
