"""What came in after a deletion and is in the way of the frame."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_DROP_NAME_ONLY = text(
    "DELETE FROM frames USING removed_frames AS removed WHERE removed.id = :removal_id"
    " AND frames.basename = removed.basename AND NOT frames.has_versions"
    " AND frames.observed_at IS NULL AND frames.posted_header IS NULL"
    " AND NOT EXISTS (SELECT FROM stored_thumbnails AS t WHERE t.frame_id = frames.id)"
)

_QUESTIONS = {
    "a frame called {name} has come in since, as frame {number}": (
        "SELECT frames.basename, frames.id FROM removed JOIN frames USING (basename)"
    ),
    "the number of this frame or of one of its files belongs to {name} by now": (
        "SELECT basename, id FROM frames WHERE id IN (SELECT frame_id FROM removed"
        " UNION SELECT id FROM kept_files) UNION ALL SELECT name, id FROM files"
        " WHERE id IN (SELECT frame_id FROM removed UNION SELECT id FROM kept_files)"
    ),
    "the same bytes have come in since, as {name}, frame {number}": (
        "SELECT basename, id FROM frames WHERE id IN ("
        "SELECT frame_id FROM frame_versions WHERE received_sha256 IN (SELECT received_sha256"
        " FROM kept_versions UNION SELECT sha256 FROM kept_files) UNION "
        "SELECT frame_id FROM frame_versions AS here JOIN files ON files.id = here.file_id"
        " WHERE files.sha256 IN (SELECT received_sha256 FROM kept_versions"
        " UNION SELECT sha256 FROM kept_files) UNION "
        "SELECT frame_id FROM frame_versions"
        " WHERE received_md5 IN (SELECT received_md5 FROM kept_versions) UNION "
        "SELECT frame_id FROM frame_versions WHERE key IN (SELECT key FROM kept_versions))"
    ),
    "the picture {name} was announced again, for frame {number}": (
        "SELECT here.basename, here.frame_id FROM stored_thumbnails AS here"
        " WHERE here.basename IN (SELECT basename FROM kept_thumbnails)"
    ),
    "another file is stored where {name} was": (
        "SELECT files.name, files.id FROM removed, files WHERE files.key = ANY (removed.keys)"
    ),
}
"""What would be in the way, and how it is found: its name and number."""

_KEPT = (
    "WITH removed AS (SELECT * FROM removed_frames WHERE id = :removal_id),"
    " kept_files AS (SELECT kept.* FROM removed, jsonb_populate_recordset(NULL::files,"
    " table_rows->'files') AS kept),"
    " kept_versions AS (SELECT kept.* FROM removed, jsonb_populate_recordset(NULL::frame_versions,"
    " table_rows->'frame_versions') AS kept),"
    " kept_thumbnails AS (SELECT kept.* FROM removed,"
    " jsonb_populate_recordset(NULL::stored_thumbnails, table_rows->'stored_thumbnails') AS kept) "
)

_LOCKED = text(
    "SELECT ARRAY(SELECT kept.received_sha256 FROM jsonb_populate_recordset("
    "NULL::frame_versions, table_rows->'frame_versions') AS kept"
    " WHERE kept.received_sha256 IS NOT NULL ORDER BY 1)"
    " || ARRAY(SELECT digest FROM (SELECT kept.received_md5 AS digest FROM"
    " jsonb_populate_recordset(NULL::frame_versions, table_rows->'frame_versions') AS kept UNION"
    " SELECT kept.key FROM jsonb_populate_recordset(NULL::frame_versions,"
    " table_rows->'frame_versions') AS kept) AS digests ORDER BY 1)"
    " || ARRAY(SELECT kept.basename FROM jsonb_populate_recordset("
    "NULL::stored_thumbnails, table_rows->'stored_thumbnails') AS kept ORDER BY 1)"
    " || ARRAY(SELECT unnest(keys) ORDER BY 1)"
    " FROM removed_frames WHERE id = :removal_id"
)


async def list_locked(session: AsyncSession, removal_id: int) -> list[str]:
    """List what nobody else may file meanwhile, besides the basename, in the order of all locks.

    Parameters
    ----------
    session
        Within a transaction.
    removal_id
        Number of the deletion.

    Returns
    -------
    list of str
        Digests as received, names of pictures, keys of files.
    """
    return list((await session.execute(_LOCKED, {"removal_id": removal_id})).scalar_one())


async def find_conflict(session: AsyncSession, removal_id: int) -> str | None:
    """Find what is in the way of a frame. A frame of which only the name is known makes room.

    Parameters
    ----------
    session
        Within a transaction that holds the locks.
    removal_id
        Number of the deletion.

    Returns
    -------
    str or None
        What is in the way, for a person; None for nothing.
    """
    await session.execute(_DROP_NAME_ONLY, {"removal_id": removal_id})
    for sentence, question in _QUESTIONS.items():
        asked = text(f"{_KEPT}{question} LIMIT 1")
        found = (await session.execute(asked, {"removal_id": removal_id})).one_or_none()
        if found is not None:
            return sentence.format(name=found[0], number=found[1])
    return None
