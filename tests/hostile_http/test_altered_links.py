"""Signed links: they lapse, open one version and nothing else, and cannot be changed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.offload import Offload
from app.db.engine import Sessions
from app.frames import links
from app.previews import thumbnail_links
from tests.support.archive import an_archive, settings_in
from tests.support.clocks import MovingClock
from tests.support.frames import FUTURE, Made
from tests.support.serving import Served, served
from tests.support.thumbnail_frames import a_shown_frame

pytestmark = pytest.mark.asyncio


@dataclass
class Linked:
    """Two hidden frames, and links to the first one."""

    api: Served
    clock: MovingClock
    frame: Made
    other: Made
    token: str
    download: str
    thumbnail: str


@pytest_asyncio.fixture
async def linked(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> AsyncIterator[Linked]:
    clock = MovingClock()
    archive = an_archive(settings_in(tmp_path), sessions, engine, offload, clock)
    async with served(archive) as api:
        token = await api.a_user("keeper", is_superuser=True)
        frame = await a_shown_frame(api, public_at=FUTURE, proposal="P1")
        other = await a_shown_frame(api, public_at=FUTURE, proposal="P1")
        item = (await api.get(f"/frames/{frame.id}/", token)).json()
        picture = (await api.get(f"/thumbnails/{frame.id}/", token)).json()["url"]
        yield Linked(api, clock, frame, other, token, item["url"], picture)


def parts_of(url: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(url)
    return parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}


async def test_links_lapse(linked: Linked) -> None:
    for url in (linked.download, linked.thumbnail):
        assert (await linked.api.client.get(url)).status_code == 200
    lifetime_s = linked.api.archive.settings.link_lifetime_s
    linked.clock.now += timedelta(seconds=lifetime_s)
    assert (await linked.api.client.get(linked.download)).status_code == 200
    linked.clock.now += timedelta(seconds=1)
    assert (await linked.api.client.get(linked.download)).status_code == 403
    linked.clock.now += timedelta(days=400)
    assert (await linked.api.client.get(linked.thumbnail)).status_code in {401, 403}


@pytest.mark.parametrize("kind", ["download", "thumbnail"])
async def test_every_bit_of_a_signature_counts(linked: Linked, kind: str) -> None:
    path, query = parts_of(getattr(linked, kind))
    right = query["signature"]
    for place in range(len(right)):
        for bit in range(7):
            wrong = right[:place] + chr(ord(right[place]) ^ (1 << bit)) + right[place + 1 :]
            if "\0" in wrong:
                continue
            answer = await linked.api.client.get(path, params=query | {"signature": wrong})
            assert answer.status_code in {401, 403}, wrong
        if place % 8:
            continue
        for wrong in (right[:place], right + right[place], right[:place] + " " + right[place:]):
            answer = await linked.api.client.get(path, params=query | {"signature": wrong})
            assert answer.status_code in {400, 401, 403, 404}, wrong


async def test_every_field_counts(linked: Linked) -> None:
    path, query = parts_of(linked.download)
    token_headers = {"Authorization": f"Token {linked.token}"}
    item = (
        await linked.api.client.get(f"/frames/{linked.other.id}/", headers=token_headers)
    ).json()
    theirs = parts_of(item["url"])[1]
    expires = int(query["expires"])
    altered = [
        query | {"version": theirs["version"]},
        query | {"version": query["version"].upper() + " "},
        query | {"signature": theirs["signature"]},
        {name: value for name, value in query.items() if name != "version"},
        {name: value for name, value in query.items() if name != "expires"},
        *(query | {"expires": text} for text in (
            str(expires + 1), str(expires - 1), f"0{expires}", f"+{expires}", f"{expires}.0",
            f" {expires}", f"{expires}\n", "9" * 5000, "-1", "", "nan", "٣",
        )),
    ]  # fmt: skip
    for each in altered:
        answer = await linked.api.client.get(path, params=each)
        assert answer.status_code in {401, 403, 404}, each
    twice = f"{path}?{urlencode(theirs)}&{urlencode({'version': query['version']})}"
    assert (await linked.api.client.get(twice)).status_code in {401, 403, 404}


async def test_a_link_opens_nothing_else(linked: Linked) -> None:
    path, query = parts_of(linked.download)
    frame, other = linked.frame.id, linked.other.id
    elsewhere = [
        f"/frames/{other}/download/", f"/archive/frames/{other}/download/", f"/frames/{frame}/",
        f"/frames/{frame}/related/", f"/frames/{frame}/preview/", f"/frames/{frame}/catalog/",
        f"/frame-funpack/{frame}/funpack/", f"/pyobs/frames/{frame}/download/",
        f"/thumbnails/{frame}/", f"/archive/thumbnails/{frame}/download/", "/ingest/", "/versions/",
        f"/archive/frames/{frame}/",
    ]  # fmt: skip
    for each in elsewhere:
        answer = await linked.api.client.get(each, params=query)
        assert answer.status_code in {400, 401, 403, 404}, each
    listed = (await linked.api.client.get("/frames/", params=query)).json()
    assert listed["count"] == 0
    for method in ("DELETE", "POST", "PUT", "PATCH"):
        answer = await linked.api.client.request(method, path, params=query)
        assert answer.status_code == 405
        delete = await linked.api.client.request(method, f"/frames/{frame}/delete/", params=query)
        assert delete.status_code in {401, 405}
    picture_path, picture = parts_of(linked.thumbnail)
    for each in (path, f"/frames/{frame}/headers/", f"/frames/{frame}/preview/"):
        answer = await linked.api.client.get(each, params=picture)
        assert answer.status_code in {401, 403, 404}, each
    answer = await linked.api.client.get(picture_path, params=query)
    assert answer.status_code in {400, 401, 403, 404}


async def test_what_a_link_opens_no_cache_keeps_for_others(linked: Linked) -> None:
    for url in (linked.download, linked.thumbnail):
        answer = await linked.api.client.get(url)
        assert answer.headers["cache-control"].startswith("private")


async def test_a_link_outlives_the_token_of_whoever_asked(linked: Linked) -> None:
    """By intent: a link is given on to download managers; its lifetime is what bounds it."""
    headers = {"Authorization": f"Token {linked.token}"}
    assert (await linked.api.client.post("/revoke_token/", headers=headers)).status_code == 200
    assert (await linked.api.client.get(linked.download)).status_code == 200


@pytest.mark.parametrize("module", [links, thumbnail_links])
async def test_signatures_are_compared_in_constant_time(
    linked: Linked, monkeypatch: pytest.MonkeyPatch, module: object
) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, two: bytes) -> bool:
        compared.append((one, two))
        return False

    monkeypatch.setattr(module.hmac, "compare_digest", compare)  # type: ignore[attr-defined]
    url = linked.download if module is links else linked.thumbnail
    assert (await linked.api.client.get(url)).status_code in {401, 403}
    assert compared
