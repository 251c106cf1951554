"""The LCO thumbnail service: the table of errors, and its order (THU §5)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.offload import Offload
from app.db.engine import Sessions
from app.previews.thumbnail_links import Pictured
from app.previews.thumbnail_models import ThumbnailSpec
from tests.support.archive import an_archive, settings_in
from tests.support.frames import FUTURE, a_frame
from tests.support.serving import Served, served
from tests.support.thumbnail_frames import a_shown_frame, file_of, ramp, refused

pytestmark = pytest.mark.asyncio

SHOWN = (
    "ARC", "BIAS", "BPM", "DARK", "DOUBLE", "EXPERIMENTAL", "EXPOSE", "GUIDE", "LAMPFLAT",
    "SKYFLAT", "SPECTRUM", "STANDARD", "TARGET", "TRAILED",
)  # fmt: skip
GIVEN_FRAME = (400, "Cannot generate thumbnail for given frame")
NO_REQUEST = (400, "Cannot generate color thumbnail for a frame that does not have a request")
NO_FITS = (400, "Cannot generate thumbnail for non FITS-type frame")


@pytest_asyncio.fixture
async def api(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine, offload: Offload
) -> AsyncIterator[Served]:
    async with served(an_archive(settings_in(tmp_path), sessions, engine, offload)) as api:
        yield api


async def test_thu_1_errors_unknown_hidden_and_ambiguous_are_404(api: Served) -> None:
    await a_shown_frame(api, basename="tst-1")
    await a_shown_frame(api, basename="tst-2")
    hidden = await a_shown_frame(api, public_at=FUTURE, proposal="P1")
    for name in ("0", "123456789", "tst-3", "tst-", str(hidden.id), hidden.basename):
        assert refused(await api.get(f"/thumbnails/{name}/")) == (404, "Not found"), name


async def test_thu_10_errors_come_before_the_frame_is_looked_for(api: Served) -> None:
    answer = await api.get("/thumbnails/nothing/", width="x")
    assert refused(answer) == (400, "Invalid value for width")


async def test_thu_1_errors_a_frame_without_type(api: Served) -> None:
    made = await a_shown_frame(api, observation_type=None, extension=".txt")
    assert refused(await api.get(f"/thumbnails/{made.id}/", color=1)) == GIVEN_FRAME


@pytest.mark.parametrize("kind", SHOWN)
async def test_thu_1_errors_every_type_of_the_list_is_shown(api: Served, kind: str) -> None:
    made = await a_shown_frame(api, observation_type=kind, request_id=None)
    assert (await api.get(f"/thumbnails/{made.id}/")).status_code == 200


@pytest.mark.parametrize("kind", ["CATALOG", "BIASOVERSCAN", "PDS"])
async def test_thu_1_errors_no_other_type_is_shown(api: Served, kind: str) -> None:
    made = await a_shown_frame(api, observation_type=kind, extension=".txt")
    expected = (400, f"Cannot generate thumbnail for configuration_type={kind}")
    assert refused(await api.get(f"/thumbnails/{made.id}/", color=1)) == expected


@pytest.mark.parametrize("raw", ["object", "light", "skyflat"])
async def test_thu_1_errors_types_of_pyobs_are_classes_here(api: Served, raw: str) -> None:
    kind = "SKYFLAT" if raw == "skyflat" else "EXPOSE"
    made = await a_shown_frame(api, observation_type=kind, image_type_raw=raw)
    assert (await api.get(f"/thumbnails/{made.id}/")).status_code == 200


@pytest.mark.parametrize("request_id", [None, 0])
async def test_thu_30_errors_colour_needs_a_request(api: Served, request_id: int | None) -> None:
    for kind in ("EXPOSE", "BIAS"):
        made = await a_shown_frame(
            api, observation_type=kind, request_id=request_id, extension=".x"
        )
        assert refused(await api.get(f"/thumbnails/{made.id}/", color="true")) == NO_REQUEST


@pytest.mark.parametrize("kind", sorted({*SHOWN} - {"EXPOSE", "STANDARD"}))
async def test_thu_30_errors_colour_needs_a_science_frame(api: Served, kind: str) -> None:
    made = await a_shown_frame(api, observation_type=kind, request_id=5, extension=".x")
    for value in ("true", "1", "yes"):
        answer = await api.get(f"/thumbnails/{made.id}/", color=value)
        assert refused(answer) == (
            400,
            f"Cannot generate color thumbnail for configuration_type={kind}",
        )


@pytest.mark.parametrize("extension", [".fits.gz", ".fz", ".txt", ".tar.gz", ".fits.x", ""])
async def test_thu_1_errors_other_files_than_fits(api: Served, extension: str) -> None:
    made = await a_shown_frame(api, extension=extension, request_id=5)
    assert refused(await api.get(f"/thumbnails/{made.id}/")) == NO_FITS
    assert refused(await api.get(f"/thumbnails/{made.id}/", color=1)) == NO_FITS  # before channels


@pytest.mark.parametrize("color", ["0", "1"])
async def test_thu_20_errors_bytes_that_are_gone_are_502(api: Served, color: str) -> None:
    for name in ("R", "V", "B"):
        await a_frame(
            api.archive.sessions,
            f"gone-{name}",
            filter_name=name,
            request_id=5,
            reduction_level=91,
        )
    answer = await api.get("/thumbnails/gone-V/", color=color)
    assert refused(answer) == (502, "Got error response")
    assert set(answer.json()) == {"message"}


async def test_thu_20_errors_rendering_that_takes_too_long_is_504(
    tmp_path: Path, sessions: Sessions, engine: AsyncEngine
) -> None:
    slow = Offload(processes=1, memory_bytes=4 << 30, timeout_s=0.01)
    try:
        async with served(an_archive(settings_in(tmp_path), sessions, engine, slow)) as api:
            made = await a_shown_frame(api, ramp((500, 500)))
            answer = await api.get(f"/thumbnails/{made.id}/")
            assert refused(answer) == (504, "Timeout while accessing resource")
    finally:
        slow.close()


async def test_thu_21_errors_files_without_a_picture(api: Served) -> None:
    empty = await a_shown_frame(api, content=file_of(None))
    garbage = await a_shown_frame(api, content=b"this is no FITS file")
    cut = await a_shown_frame(api, content=file_of(ramp((200, 200)))[:2880])
    for made in (empty, garbage, cut):
        answer = await api.get(f"/thumbnails/{made.id}/")
        assert refused(answer) == GIVEN_FRAME
        assert answer.json()["reason"]
        assert str(api.archive.settings.data_dir) not in answer.text


async def test_thu_20_errors_a_link_to_what_is_gone_is_404(api: Served) -> None:
    made = await a_shown_frame(api)
    for frame_id in (made.id, made.id + 1000):
        gone = (Pictured(frame_id, "0" * 32),)
        query = api.archive.thumbnail_links.sign(gone, ThumbnailSpec())
        answer = await api.client.get(f"/thumbnails/pictures/{frame_id}.jpg?{query}")
        assert refused(answer) == (404, "Not found")


async def test_thu_1_errors_of_the_edge_are_messages_too(api: Served) -> None:
    for path in ("/thumbnails/%00/", "/thumbnails/%ff/", "/thumbnails/1/?label=%00"):
        status, message = refused(await api.client.get(path))
        assert status == 400
        assert message
