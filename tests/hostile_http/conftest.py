"""A live API over a small archive with a frame of every kind, for each module of tests."""

from collections.abc import Iterator

import pytest

from app.core.offload import Offload
from tests.support.archive import settings_in
from tests.support.hostile_world import World, a_hostile_world
from tests.support.live_api import LiveApi, live_api

MAX_UPLOAD_BYTES = 300_000


@pytest.fixture(scope="module")
def live(
    database_url: str, offload: Offload, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveApi]:
    """Serve an archive that lets anybody try passwords for ever, and takes small uploads."""
    settings = settings_in(
        tmp_path_factory.mktemp("hostile"),
        login_rate_per_user="off",
        login_rate_per_address="off",
        max_upload_bytes=MAX_UPLOAD_BYTES,
        max_bundle_frames=50,
    )
    with live_api(settings, database_url, offload) as live:
        yield live


@pytest.fixture(scope="module")
def world(live: LiveApi) -> World:
    """Put frames and users into that archive."""
    return live.run(a_hostile_world(live.archive))
