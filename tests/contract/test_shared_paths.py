"""Every documented path answers at the root and below its mount, with and without final slash."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.offload import Offload
from app.db.engine import Sessions
from app.fits.pack import pack
from tests.support.archive import NOW, an_archive, settings_in
from tests.support.fits_files import make_fits, source_table
from tests.support.frames import Made
from tests.support.lco import FRAME_KEYS, Lco
from tests.support.pyobs import FRAME_INFO
from tests.support.serving import Served, as_user, served

pytestmark = pytest.mark.asyncio

PAGE = {"count", "results"}
LCO_PAGE = {"count", "next", "previous", "results", "count_estimated"}
PYOBS_VALUES = {"sites", "telescopes", "instruments", "filters", "binnings", "imagetypes"}
LCO_VALUES = {"sites", "telescopes", "filters", "instruments", "obstypes", "proposals"}
CREATED = {"created", "filenames", "errors"}
LOGIN = {"username": "root", "password": "root has a password"}
FILE, TEXT = "a file", "a text"

Documented = set[str] | str
"""The keys of an object or of the items of a list; or what else the answer is."""


@dataclass(frozen=True)
class Path_:  # noqa: N801  # not that of pathlib
    """A documented path, relative to its mount."""

    path: str
    keys: Documented
    method: str = "GET"
    body: tuple[str, Any] | None = None
    status: int = 200


PYOBS = [
    Path_("api-token-auth/", {"token"}, "POST", ("data", LOGIN)),
    Path_("frames/", PAGE),
    Path_("frames/aggregate/", PYOBS_VALUES),
    Path_("frames/{id}/", FRAME_INFO),
    Path_("frames/{id}/related/", FRAME_INFO),
    Path_("frames/{id}/headers/", {"results"}),
    Path_("frames/{id}/preview/", FILE),
    Path_("frames/{id}/download/", FILE),
    Path_("frames/{id}/catalog/", FILE),
    Path_("frames/zip/", FILE),
    Path_("frames/zip/", FILE, "POST", ("data", {"frame_ids[]": "{id}"})),
    Path_("frames/create/", CREATED, "POST", ("files", {"f": ("a.fits", b"no FITS")})),
    Path_("frames/{id}/delete/", TEXT, "DELETE"),
]
ARCHIVE = [
    Path_("api-token-auth/", {"token"}, "POST", ("json", LOGIN)),
    Path_("frames/", LCO_PAGE),
    Path_("frames/aggregate/", LCO_VALUES | {"generated_at"}),
    Path_("aggregate/", LCO_VALUES | {"generated_at"}),
    Path_("frames/{id}/", FRAME_KEYS),
    Path_("frames/{id}/related/", FRAME_KEYS),
    Path_("frames/{id}/headers/", {"data"}),
    Path_("frames/{id}/download/", FILE),
    Path_("frame-funpack/{id}/funpack/", FILE),
    Path_("frame-catalog/{id}/catalog/", FILE),
    Path_("frames/zip/", FILE, "POST", ("json", {"frame_ids": ["{id}"]})),
    Path_("versions/", {"count", "next", "previous", "results"}),
    Path_("health/", TEXT),
    Path_("profile/", {"username", "profile", "is_staff"}),
    Path_("revoke_token/", {"message"}, "POST"),
    Path_("frames/{id}/", TEXT, "DELETE", status=204),
]
THUMBNAILS = [
    Path_("{id}/", {"url", "propid"}),
    Path_("{name}/", {"url", "propid"}),
]

MOUNTS = {
    "/pyobs/": PYOBS,
    "/archive/": [*ARCHIVE, Path_("thumbnails/", LCO_PAGE - {"count_estimated"})],
    "/thumbnails/": THUMBNAILS,
    "/": [*PYOBS[:-1], *ARCHIVE[:-1], PYOBS[-1]],
    "/#": ARCHIVE[-1:],
}


@pytest_asyncio.fixture
async def api(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> AsyncIterator[Served]:
    """Give an archive that the throttle of log-ins does not stop."""
    archive = an_archive(settings_in(tmp_path), sessions, engine, offload, lambda: NOW)
    async with served(archive) as api:
        yield api


async def a_real_frame(api: Served, folder: Path, name: str, other: str) -> Made:
    """File a packed image with a catalogue that names another one."""
    plain = make_fits(folder / f"{name}.fits", shape=(200, 160), OBJECT=name, hdus=[source_table()])
    packed = folder / f"{name}.fits.fz"
    assert pack(plain, packed).packed
    return await Lco(api).a_file(
        name, packed.read_bytes(), extension=".fits.fz", has_catalog=True, related=[other]
    )


async def asked(api: Served, url: str, wanted: Path_, made: Made, token: str) -> httpx.Response:
    """Ask for a path as a superuser."""
    body = {} if wanted.body is None else dict([wanted.body])
    if "zip" in url and wanted.body is not None:
        kind, content = wanted.body
        body = {kind: {name: [made.id] for name in content}}
    if "revoke" in url:
        token = await api.a_user(f"user{url.count('/')}")
    return await api.client.request(wanted.method, url, headers=as_user(token), **body)


def keys_of(content: Any) -> set[str]:  # noqa: ANN401  # of JSON
    return set(content[0] if isinstance(content, list) else content)


@pytest.mark.parametrize("mount", MOUNTS)
async def test_shr_7_documented_paths(api: Served, tmp_path: Path, mount: str) -> None:
    token = await api.a_user("root", is_superuser=True)
    frames = {
        "/": await a_real_frame(api, tmp_path, "night", "other"),
        "": await a_real_frame(api, tmp_path, "other", "night"),
    }
    for wanted in MOUNTS[mount]:
        for slash, made in frames.items():
            path = wanted.path.format(id=made.id, name=made.basename)
            url = f"{mount.rstrip('#')}{path.rstrip('/')}{slash}"
            answer = await asked(api, url, wanted, made, token)
            check(answer, wanted, is_root=mount.startswith("/#") or mount == "/")


def check(answer: httpx.Response, wanted: Path_, *, is_root: bool) -> None:
    """Demand what the document promises."""
    shown = f"{answer.request.method} {answer.request.url} {answer.status_code} {answer.text[:300]}"
    assert answer.history == [], shown
    assert answer.status_code == wanted.status, shown
    if isinstance(wanted.keys, set):
        found = keys_of(answer.json())
        assert found >= wanted.keys if is_root else found == wanted.keys, shown
    elif wanted.keys == FILE:
        assert len(answer.content) > 20, shown
        assert answer.headers["content-disposition"], shown


async def test_shr_7_double_slashes_collapse(api: Served) -> None:
    for url in ("/archive//frames//", "//archive/frames", "/archive///frames/aggregate"):
        answer = await api.client.get(f"http://archive.test{url}")
        assert (answer.status_code, answer.history) == (200, [])
