"""Rows of what clients announce, within the transaction of whoever looked for the bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.tables import (
    FileRow,
    FrameHeaderRow,
    FrameLinkRow,
    FrameRow,
    FrameVersionRow,
    archive_ids,
)
from app.frames.announced import AnnouncedVersion, Announcement, Deposit
from app.frames.models import HeaderOfHdu, StoredFile
from app.frames.store.header_cards import keep_cards
from app.frames.store.locks import lock_names
from app.frames.store.rows import (
    checksum_columns,
    columns_of,
    file_columns,
    header_json,
    headers_of,
    version_time,
)


class AnnouncementWriter:
    """Writes what clients announce within one session.

    Parameters
    ----------
    session
        An open one, within a transaction.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list_flaws(self, versions: Sequence[AnnouncedVersion]) -> list[Mapping[str, str]]:
        """Tell for each version which of its MD5 and key is known, or given twice."""
        flaws: list[Mapping[str, str]] = []
        for place, version in enumerate(versions):
            before = versions[:place]
            flaw = {}
            if version.md5 in {each.md5 for each in before} or await self._knows_md5(version.md5):
                flaw["md5"] = version.md5
            if version.key in {each.key for each in before} or await self._knows_key(version.key):
                flaw["key"] = version.key
            flaws.append(flaw)
        return flaws

    async def put(self, announcement: Announcement, now: datetime) -> int:
        """Add a frame, or change what is known of it, and add its versions; give its number."""
        await self.add_names({announcement.basename, *announcement.related}, now)
        frame_id = await self.put_facts(announcement, now)
        if not announcement.versions:
            await self._put_header(frame_id, announcement.header)
        for version, deposit in announcement.versions:
            await self._add_version(frame_id, announcement, version, deposit, now)
        await self._replace_links(frame_id, announcement)
        return frame_id

    async def add_names(self, basenames: set[str], now: datetime) -> None:
        """Add names of frames that are not known; in order, so that nobody waits in a ring."""
        values = [
            {"id": archive_ids.next_value(), "basename": name, "reduction_level": 0}
            | {"created_at": now, "updated_at": now}
            for name in sorted(basenames)
        ]
        await self._session.execute(upsert(FrameRow).values(values).on_conflict_do_nothing())

    async def put_facts(self, announcement: Announcement, now: datetime) -> int:
        """Replace what is known of a frame; give its number."""
        facts = columns_of(announcement.facts) | {"updated_at": now}
        if announcement.versions:
            facts["has_versions"] = True
        else:
            del facts["has_catalog"]  # that is for the file of the newest version to say
        changed = (
            update(FrameRow)
            .where(FrameRow.basename == announcement.basename)
            .values(**facts, owner_id=func.coalesce(FrameRow.owner_id, announcement.owner_id))
        )
        return (await self._session.execute(changed.returning(FrameRow.id))).scalar_one()

    async def is_name_only(self, basename: str) -> bool:
        """Tell whether no more than the name of a frame is known, at most."""
        selected = select(FrameRow.id).where(
            FrameRow.basename == basename,
            or_(
                FrameRow.has_versions.is_(True),
                FrameRow.observed_at.is_not(None),
                FrameRow.posted_header.is_not(None),
            ),
        )
        return (await self._session.execute(selected)).scalar_one_or_none() is None

    async def get_number(self, basename: str) -> int:
        """Get the number of a frame that is known."""
        selected = select(FrameRow.id).where(FrameRow.basename == basename)
        return (await self._session.execute(selected)).scalar_one()

    async def knows_bytes(self, sha256: str) -> bool:
        """Tell whether bytes are stored, or came in once as a version that is here."""
        stored = exists().where(FileRow.sha256 == sha256)
        received = exists().where(FrameVersionRow.received_sha256 == sha256)
        return bool((await self._session.execute(select(or_(stored, received)))).scalar_one())

    async def find_announced(self, md5: str) -> int | None:
        """Find the version that was announced with this MD5, and whose bytes are not here."""
        selected = select(FrameVersionRow.id).where(
            FrameVersionRow.received_md5 == md5, FrameVersionRow.file_id.is_(None)
        )
        return (await self._session.execute(selected)).scalar_one_or_none()

    async def attach(self, version_id: int, deposit: Deposit, now: datetime) -> bool:
        """Let a version that was announced be stored in a file.

        False where its bytes are here by now, or the version is not.
        """
        version = await self._session.get(
            FrameVersionRow, version_id, with_for_update=True, populate_existing=True
        )
        if version is None or version.file_id is not None:
            return False
        version.file_id = await self.add_file(deposit.stored, now)
        version.received_size_bytes = deposit.received.size_bytes
        version.received_sha256 = deposit.received.sha256
        version.extension = deposit.stored.extension
        version.repairs = list(deposit.repairs)
        for name, value in checksum_columns(deposit.checksums).items():
            setattr(version, name, value)
        if deposit.hdus:
            await self._replace_header(version, deposit.hdus, deposit.science_hdu)
        if deposit.has_catalog and await self._is_newest(version):
            await self._session.execute(
                update(FrameRow).where(FrameRow.id == version.frame_id).values(has_catalog=True)
            )
        await self._session.flush()
        return True

    async def add_file(self, stored: StoredFile, now: datetime) -> int:
        """Add a file; give its number."""
        await lock_names(self._session, stored.key)
        file_id: int = (await self._session.execute(select(archive_ids.next_value()))).scalar_one()
        await self._session.execute(
            insert(FileRow).values(id=file_id, created_at=now, **file_columns(stored))
        )
        return file_id

    async def _knows_md5(self, md5: str) -> bool:
        announced = exists().where(FrameVersionRow.received_md5 == md5)
        stored = exists().where(FileRow.md5 == md5, FileRow.id == FrameVersionRow.file_id)
        return bool((await self._session.execute(select(or_(announced, stored)))).scalar_one())

    async def _knows_key(self, key: str) -> bool:
        known = exists().where(FrameVersionRow.key == key)
        return bool((await self._session.execute(select(known))).scalar_one())

    async def _add_version(
        self,
        frame_id: int,
        announcement: Announcement,
        version: AnnouncedVersion,
        deposit: Deposit | None,
        now: datetime,
    ) -> None:
        added = insert(FrameVersionRow).values(
            frame_id=frame_id,
            key=version.key,
            extension=version.extension,
            received_name=announcement.basename + version.extension,
            received_md5=version.md5,
            expected_keys=list(version.expected_keys),
            repairs=[],
            science_hdu=0,
            created_at=version_time(frame_id, now),
        )
        version_id: int = (
            await self._session.execute(added.returning(FrameVersionRow.id))
        ).scalar_one()
        hdus = (announcement.header,)
        await self._session.execute(
            insert(FrameHeaderRow).values(version_id=version_id, hdus=header_json(hdus))
        )
        await keep_cards(self._session, frame_id, version_id, hdus, 0)
        if deposit is not None:
            await self.attach(version_id, deposit, now)

    async def _put_header(self, frame_id: int, header: HeaderOfHdu) -> None:
        """Replace the science header of the newest version; without versions, that of the frame."""
        selected = (
            select(FrameVersionRow)
            .where(FrameVersionRow.frame_id == frame_id)
            .order_by(FrameVersionRow.id.desc())
            .limit(1)
        )
        version = (await self._session.execute(selected)).scalar_one_or_none()
        if version is None:
            await self._put_posted_header(frame_id, header)
            return
        known = select(FrameHeaderRow.hdus).where(FrameHeaderRow.version_id == version.id)
        hdus = headers_of((await self._session.execute(known)).scalar_one())
        science = version.science_hdu or 0
        replaced = tuple(
            replace(hdu, cards=header.cards) if hdu.index == science else hdu for hdu in hdus
        )
        await self._replace_header(version, replaced, version.science_hdu)

    async def _put_posted_header(self, frame_id: int, header: HeaderOfHdu) -> None:
        hdus = (header,)
        kept = header_json(hdus) if header.cards else None
        await self._session.execute(
            update(FrameRow).where(FrameRow.id == frame_id).values(posted_header=kept)
        )
        await keep_cards(self._session, frame_id, None, hdus, 0)

    async def _replace_header(
        self, version: FrameVersionRow, hdus: tuple[HeaderOfHdu, ...], science_hdu: int | None
    ) -> None:
        version.science_hdu = science_hdu
        await self._session.execute(
            update(FrameHeaderRow)
            .where(FrameHeaderRow.version_id == version.id)
            .values(hdus=header_json(hdus))
        )
        await keep_cards(self._session, version.frame_id, version.id, hdus, science_hdu)

    async def _is_newest(self, version: FrameVersionRow) -> bool:
        newest = select(func.max(FrameVersionRow.id)).where(
            FrameVersionRow.frame_id == version.frame_id
        )
        return (await self._session.execute(newest)).scalar_one() == version.id

    async def _replace_links(self, frame_id: int, announcement: Announcement) -> None:
        await self._session.execute(delete(FrameLinkRow).where(FrameLinkRow.frame_id == frame_id))
        names = dict.fromkeys(announcement.related)
        values: list[dict[str, Any]] = [{"frame_id": frame_id, "basename": name} for name in names]
        if values:
            await self._session.execute(insert(FrameLinkRow), values)
