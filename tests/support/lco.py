"""An archive that is asked as a client of the LCO science archive does, for tests."""

from dataclasses import dataclass
from typing import Any

import httpx
from sqlalchemy import insert, select

from app.context import Factory
from app.db.engine import Sessions, transaction
from app.db.tables import FrameRow, archive_ids
from tests.support.frames import Made, a_frame
from tests.support.serving import Served, as_user

VERSION_KEYS = {"id", "key", "md5", "extension", "url", "created"}

LEGACY = {
    "DATE_OBS": "observation_date",
    "DAY_OBS": "observation_day",
    "PROPID": "proposal_id",
    "INSTRUME": "instrument_id",
    "OBJECT": "target_name",
    "RLEVEL": "reduction_level",
    "SITEID": "site_id",
    "TELID": "telescope_id",
    "EXPTIME": "exposure_time",
    "FILTER": "primary_optical_element",
    "L1PUBDAT": "public_date",
    "OBSTYPE": "configuration_type",
    "BLKUID": "observation_id",
    "REQNUM": "request_id",
}
"""Older name of a key -> the newer one."""

FRAME_KEYS = {
    "id", "basename", "area", "related_frames", "version_set", "url", "filename",
    *LEGACY, *LEGACY.values(),
}  # fmt: skip
"""The keys of a frame, without thumbnails."""


@dataclass(frozen=True)
class Lco:
    """The strict mount, asked without a token unless one is given."""

    served: Served

    @property
    def archive(self) -> Factory:
        """The archive behind it."""
        return self.served.archive

    @property
    def client(self) -> httpx.AsyncClient:
        """A client without any token."""
        return self.served.client

    async def get(self, path: str, token: str | None = None, /, **params: object) -> httpx.Response:
        """Ask for a path below the mount."""
        return await self.served.get(f"/archive/{path}", token, **params)

    async def post(self, path: str, token: str | None = None, /, **body: Any) -> httpx.Response:  # noqa: ANN401  # of httpx
        """Send something to a path below the mount."""
        return await self.client.post(f"/archive/{path}", headers=as_user(token), **body)

    async def found(self, token: str | None = None, /, **params: object) -> list[str]:
        """Search, and give the basenames in order."""
        answer = await self.get("frames/", token, **params)
        assert answer.status_code == 200, answer.text
        content = answer.json()
        names = [item["basename"] for item in content["results"]]
        if "count" in content and len(names) < 100:
            assert content["count"] == len(names)
        return names

    async def a_file(self, basename: str, content: bytes, **wish: Any) -> Made:  # noqa: ANN401  # of a_frame
        """Register a frame whose bytes are in the store."""
        archive = self.archive
        return await a_frame(
            archive.sessions, basename, content=content, store=archive.store, **wish
        )


async def a_stub(sessions: Sessions, basename: str, **columns: object) -> int:
    """Register a frame of which nothing but a name and these columns is known; give its number."""
    async with transaction(sessions) as session:
        number = (await session.execute(select(archive_ids.next_value()))).scalar_one()
        values = {"id": number, "basename": basename, "reduction_level": 0, **columns}
        await session.execute(insert(FrameRow).values(**values))
        return int(number)
