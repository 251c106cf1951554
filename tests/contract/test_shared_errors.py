"""Errors of bodies in the forms of the strict mounts (contract: shared model §2)."""

import json

import httpx
import pytest
from fastapi import Request

from app.api.problem_forms import WRITER, write_detail
from app.api.problems import answer
from app.core.errors import InvalidError, TooLargeError
from tests.support.lco import Lco

pytestmark = pytest.mark.asyncio


async def asked(lco: Lco, path: str, content: bytes, media_type: str) -> httpx.Response:
    headers = {"Content-Type": media_type}
    return await lco.client.post(path, content=content, headers=headers)


@pytest.mark.parametrize(
    "path",
    ["/pyobs/api-token-auth/", "/archive/api-token-auth/", "/archive/frames/zip/", "/frames/zip/"],
)
async def test_shr_8_media_types_that_are_not_read(lco: Lco, path: str) -> None:
    for media_type in ("text/plain", "text/xml; charset=utf-8"):
        refused = await asked(lco, path, b'{"frame_ids": [1]}', media_type)
        assert refused.status_code == 415
        text = f'Unsupported media type "{media_type}" in request.'
        assert refused.json()["detail"] == text
    for media_type in ("application/json", "application/JSON; charset=utf-8", ""):
        answered = await asked(lco, path, b'{"frame_ids": [1]}', media_type)
        assert answered.status_code in {400, 404}


async def test_shr_8_numbers_that_python_does_not_read(lco: Lco) -> None:
    root = await lco.served.a_user("root", is_superuser=True)
    content = b'{"basename": ' + b"9" * 5000 + b"}"
    headers = {"Content-Type": "application/json", "Authorization": f"Token {root}"}
    refused = await lco.client.post("/archive/frames/", content=content, headers=headers)
    assert refused.status_code == 400
    assert refused.json()["detail"].startswith("JSON parse error - ")


async def test_shr_8_too_many_frames_for_a_zip(lco: Lco) -> None:
    lots = json.dumps({"frame_ids": list(range(1, 20_001))}).encode()
    refused = await asked(lco, "/archive/frames/zip/", lots, "application/json")
    assert refused.status_code == 413
    assert refused.json().keys() == {"detail"}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (InvalidError("no plate"), {"detail": "no plate"}),
        (InvalidError("no plate", field="plate"), {"plate": ["no plate"]}),
        (TooLargeError("two plates", field="plate"), {"detail": "two plates"}),
    ],
)
async def test_shr_8_only_fields_are_told_by_field(
    error: InvalidError, expected: dict[str, object]
) -> None:
    scope = {"type": "http", "headers": [], WRITER: write_detail}
    assert json.loads(bytes(answer(Request(scope), error).body)) == expected
