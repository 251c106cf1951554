"""Changes of the catalogue, within the transaction of whoever places the bytes."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, text, union, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.tables import (
    FileRow,
    FrameHeaderRow,
    FrameLinkRow,
    FrameRow,
    FrameVersionRow,
    StoredThumbnailRow,
    archive_ids,
)
from app.frames.announced import Deposit
from app.frames.models import Version
from app.frames.registration import NewVersion, Registered, Replacement
from app.frames.store.announcing import AnnouncementWriter
from app.frames.store.header_cards import keep_cards
from app.frames.store.locks import lock_names
from app.frames.store.rows import (
    VERSIONS,
    checksum_columns,
    columns_of,
    file_columns,
    header_json,
    version_of,
    version_time,
)


class FrameWriter:
    """Writes the catalogue within one session.

    Parameters
    ----------
    session
        An open one, within a transaction.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def lock(self, *names: str) -> None:
        """Let nobody else file these names, bytes or keys until the transaction ends."""
        await lock_names(self._session, *names)

    async def find_received(self, sha256: str) -> int | None:
        """Find the frame that was received with these bytes, or is stored in them.

        It cannot be deleted until the transaction ends; one that is being deleted is none.
        """
        versions = select(FrameVersionRow.frame_id)
        received = versions.where(FrameVersionRow.received_sha256 == sha256)
        stored = versions.join(FileRow, FileRow.id == FrameVersionRow.file_id).where(
            FileRow.sha256 == sha256
        )
        found = union(received, stored).limit(1)
        frame_id = (await self._session.execute(found)).scalar_one_or_none()
        if frame_id is None:
            return None
        locked = select(FrameRow.id).where(FrameRow.id == frame_id)
        locked = locked.with_for_update(read=True, key_share=True)
        return (await self._session.execute(locked)).scalar_one_or_none()

    async def find_kept(self, sha256: str) -> Version | None:
        """Find the version that was received, or is stored, with these bytes, and has a file."""
        # Two selects: one with both conditions would read the whole catalogue.
        kept = select(FrameVersionRow.id).join(FileRow, FileRow.id == FrameVersionRow.file_id)
        received = kept.where(FrameVersionRow.received_sha256 == sha256)
        same = union(received, kept.where(FileRow.sha256 == sha256))
        selected = VERSIONS.where(FrameVersionRow.id.in_(same)).limit(1)
        found = (await self._session.execute(selected)).one_or_none()
        return None if found is None else version_of(*found)

    async def mend_file(self, version_id: int, now: datetime) -> None:
        """Note that the stored file of a version is whole again."""
        file_id = select(FrameVersionRow.file_id).where(FrameVersionRow.id == version_id)
        await self._session.execute(
            update(FileRow)
            .where(FileRow.id == file_id.scalar_subquery())
            .values(damage=None, damaged_at=None, verified_at=now)
        )

    async def is_stored(self, key: str) -> bool:
        """Tell whether a version is stored under a key."""
        selected = select(FileRow.id).where(FileRow.key == key)
        return (await self._session.execute(selected)).scalar_one_or_none() is not None

    async def number_of(self, basename: str, md5: str) -> int:
        """Tell which version of a frame bytes are or will be, counted from 1."""
        announced = await AnnouncementWriter(self._session).find_announced(md5)
        counted = select(func.count()).select_from(FrameVersionRow)
        if announced is None:
            counted = counted.join(FrameRow, FrameRow.id == FrameVersionRow.frame_id)
            counted = counted.where(FrameRow.basename == basename)
            return 1 + (await self._session.execute(counted)).scalar_one()
        frame_id = select(FrameVersionRow.frame_id).where(FrameVersionRow.id == announced)
        counted = counted.where(
            FrameVersionRow.frame_id == frame_id.scalar_subquery(), FrameVersionRow.id <= announced
        )
        return (await self._session.execute(counted)).scalar_one()

    async def add(self, new: NewVersion, now: datetime) -> Registered:
        """Add a version, and its frame where it is the first; the newest version sets the facts.

        Where a client announced these bytes, they become those of its version, and the facts stay
        as it gave them.
        """
        announced = await self._attach_announced(new, now)
        if announced is not None:
            return announced
        file_id = (new.kept.file_id if new.kept else new.frame_id) or await self._next_id()
        await self.lock(new.stored.key)
        filed_at = new.kept.created_at if new.kept else now
        await self._session.execute(
            insert(FileRow).values(id=file_id, created_at=filed_at, **file_columns(new.stored))
        )
        is_outdated = await self._is_outdated(new)
        frame_id, is_new = await self._put_frame(new, file_id, now, is_outdated=is_outdated)
        version_id = await self._add_version(new, frame_id, file_id, now)
        await keep_cards(self._session, frame_id, version_id, new.hdus, new.science_hdu)
        if not is_outdated:
            await self._replace_links(frame_id, new.related)
        return Registered(frame_id=frame_id, version_id=version_id, is_new_frame=is_new)

    async def find_number(self, basename: str) -> int | None:
        """Find the number of a frame, whoever may see it."""
        selected = select(FrameRow.id).where(FrameRow.basename == basename)
        return (await self._session.execute(selected)).scalar_one_or_none()

    async def find_holder(self, number: int) -> str | None:
        """Find which frame or file has a number of the number space that they share."""
        frame = select(FrameRow.basename).where(FrameRow.id == number)
        file = select(FileRow.name).where(FileRow.id == number)
        holder = (await self._session.execute(frame)).scalar_one_or_none()
        return holder or (await self._session.execute(file)).scalar_one_or_none()

    async def pass_over(self, number: int) -> None:
        """Let all numbers up to this one be given to nobody from now on."""
        await self._session.execute(
            text(
                f"SELECT setval('{archive_ids.name}', :number) FROM {archive_ids.name}"  # noqa: S608  # constants
                " WHERE last_value <= :number"
            ),
            {"number": number},
        )

    async def remove(self, frame_id: int) -> tuple[str, ...]:
        """Delete a frame with all that belongs to it; give the keys of its files."""
        files: list[int] = []
        for table in (FrameVersionRow, StoredThumbnailRow):
            deleted = delete(table).where(table.frame_id == frame_id).returning(table.file_id)
            found = (await self._session.execute(deleted)).scalars()
            files.extend(file_id for file_id in found if file_id is not None)
        await self._session.execute(delete(FrameRow).where(FrameRow.id == frame_id))
        removed = delete(FileRow).where(FileRow.id.in_(files)).returning(FileRow.key)
        return tuple((await self._session.execute(removed)).scalars())

    async def find_version(self, version_id: int, *, lock: bool = False) -> Version | None:
        """Find a version, whoever may see its frame; locked, it cannot be deleted meanwhile."""
        selected = VERSIONS.where(FrameVersionRow.id == version_id)
        if lock:
            selected = selected.with_for_update(of=FrameVersionRow)
        found = (await self._session.execute(selected)).one_or_none()
        return None if found is None else version_of(*found)

    async def replace_file(self, version_id: int, new: Replacement, now: datetime) -> None:
        """Let a version be stored in another file; what was received stays known."""
        version = await self._session.get_one(FrameVersionRow, version_id)
        await self.lock(new.stored.key)
        changed = file_columns(new.stored) | {"created_at": now, "damaged_at": None}
        await self._session.execute(
            update(FileRow).where(FileRow.id == version.file_id).values(**changed)
        )
        version.extension = new.stored.extension
        version.science_hdu = new.science_hdu
        await self._session.execute(
            update(FrameHeaderRow)
            .where(FrameHeaderRow.version_id == version_id)
            .values(hdus=header_json(new.hdus))
        )
        await keep_cards(self._session, version.frame_id, version_id, new.hdus, new.science_hdu)

    async def _attach_announced(self, new: NewVersion, now: datetime) -> Registered | None:
        writer = AnnouncementWriter(self._session)
        version_id = await writer.find_announced(new.received.md5)
        deposit = Deposit(
            stored=new.stored,
            received=new.received,
            hdus=new.hdus,
            science_hdu=new.science_hdu,
            has_catalog=new.facts.has_catalog,
            repairs=new.repairs,
            checksums=new.checksums,
        )
        if version_id is None or not await writer.attach(version_id, deposit, now):
            return None
        version = await self._session.get_one(FrameVersionRow, version_id)
        return Registered(version.frame_id, version_id, is_new_frame=False)

    async def _next_id(self) -> int:
        return (await self._session.execute(select(archive_ids.next_value()))).scalar_one()

    async def _is_outdated(self, new: NewVersion) -> bool:
        """Tell whether a version that comes back is older than one that is here."""
        if new.kept is None or new.kept.version_id is None:
            return False
        newest = (
            select(func.max(FrameVersionRow.id))
            .join(FrameRow, FrameRow.id == FrameVersionRow.frame_id)
            .where(FrameRow.basename == new.basename)
        )
        return ((await self._session.execute(newest)).scalar_one() or 0) > new.kept.version_id

    async def _put_frame(
        self, new: NewVersion, file_id: int, now: datetime, *, is_outdated: bool
    ) -> tuple[int, bool]:
        facts = columns_of(new.facts) | {"updated_at": now, "has_versions": True}
        selected = select(FrameRow.id).where(FrameRow.basename == new.basename)
        known = (await self._session.execute(selected)).scalar_one_or_none()
        if known is not None:
            if not is_outdated:
                await self._session.execute(
                    update(FrameRow).where(FrameRow.id == known).values(**facts)
                )
            return known, False
        came_at = new.kept.frame_created_at if new.kept else now
        facts |= {"created_at": came_at, "owner_id": new.owner_id}
        frame_id = new.frame_id or file_id
        await self._session.execute(
            insert(FrameRow).values(id=frame_id, basename=new.basename, **facts)
        )
        return frame_id, True

    async def _add_version(
        self, new: NewVersion, frame_id: int, file_id: int, now: datetime
    ) -> int:
        added = insert(FrameVersionRow).values(
            frame_id=frame_id,
            file_id=file_id,
            extension=new.stored.extension,
            received_name=new.received.name,
            received_size_bytes=new.received.size_bytes,
            received_md5=new.received.md5,
            received_sha256=new.received.sha256,
            repairs=list(new.repairs),
            science_hdu=new.science_hdu,
            **_identity_of(new, frame_id, now),
            **checksum_columns(new.checksums),
        )
        version_id = (await self._session.execute(added.returning(FrameVersionRow.id))).scalar_one()
        await self._session.execute(
            insert(FrameHeaderRow).values(version_id=version_id, hdus=header_json(new.hdus))
        )
        return version_id

    async def _replace_links(self, frame_id: int, basenames: tuple[str, ...]) -> None:
        await self._session.execute(delete(FrameLinkRow).where(FrameLinkRow.frame_id == frame_id))
        if basenames:
            await self._session.execute(
                insert(FrameLinkRow),
                [{"frame_id": frame_id, "basename": name} for name in dict.fromkeys(basenames)],
            )


def _identity_of(new: NewVersion, frame_id: int, now: datetime) -> dict[str, Any]:
    """Give key, time and, where a version comes back, number."""
    kept = new.kept
    if kept is None:
        return {"key": uuid.uuid4().hex, "created_at": version_time(frame_id, now)}
    number = {} if kept.version_id is None else {"id": kept.version_id}
    return {"key": kept.key or uuid.uuid4().hex, "created_at": kept.created_at, **number}
