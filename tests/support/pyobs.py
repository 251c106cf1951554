"""An archive that is asked as a client of pyobs-archive does, for tests."""

from dataclasses import dataclass
from typing import Any

import httpx

from app.context import Factory
from tests.support.frames import Made, a_frame
from tests.support.serving import Served, as_user

FRAME_INFO = {
    "id", "basename", "SITEID", "TELID", "INSTRUME", "RLEVEL", "DATE_OBS", "FILTER", "OBJECT",
    "EXPTIME", "REQNUM", "OBSNUM", "OBSTYPE", "binning", "related_frames", "url",
}  # fmt: skip
"""The keys of a frame."""


@dataclass(frozen=True)
class Pyobs:
    """The strict mount, asked with the token of a user or of a member of staff."""

    served: Served
    user: str
    staff: str

    @property
    def archive(self) -> Factory:
        """The archive behind it."""
        return self.served.archive

    @property
    def client(self) -> httpx.AsyncClient:
        """A client without any token."""
        return self.served.client

    async def get(self, path: str, /, **params: object) -> httpx.Response:
        """Ask for a path below the mount, as a user."""
        return await self.served.get(f"/pyobs/{path}", self.user, **params)

    async def post(self, path: str, /, token: str | None = None, **body: Any) -> httpx.Response:  # noqa: ANN401  # of httpx
        """Send something to a path below the mount, as a user unless another token is given."""
        headers = as_user(token or self.user)
        return await self.client.post(f"/pyobs/{path}", headers=headers, **body)

    async def delete(self, frame_id: int, token: str | None = None) -> httpx.Response:
        """Delete a frame, as staff unless another token is given."""
        headers = as_user(token or self.staff)
        return await self.client.delete(f"/pyobs/frames/{frame_id}/delete/", headers=headers)

    async def found(self, **params: object) -> list[str]:
        """Search, and give the basenames in order."""
        answer = await self.get("frames/", **params)
        assert answer.status_code == 200, answer.text
        return [item["basename"] for item in answer.json()["results"]]

    async def a_file(self, basename: str, content: bytes, **wish: Any) -> Made:  # noqa: ANN401  # of a_frame
        """Register a frame whose bytes are in the store."""
        archive = self.archive
        return await a_frame(
            archive.sessions, basename, content=content, store=archive.store, **wish
        )


async def a_pyobs(served: Served) -> Pyobs:
    """Make a user and a member of staff."""
    return Pyobs(served, await served.a_user("user"), await served.a_user("staff", is_staff=True))
