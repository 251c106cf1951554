"""Constraint → error: what a violated constraint means to the person who caused it."""

from sqlalchemy.exc import DBAPIError

from app.core.errors import ConflictError


class DuplicateBytesError(ConflictError):
    """A file with the same bytes is already in the archive."""

    title = "Duplicate file"


class DuplicateNameError(ConflictError):
    """A frame, user or key of this name exists already."""

    title = "Duplicate name"


_MEANINGS: dict[str, ConflictError] = {
    "uq_frame_versions_received_sha256": DuplicateBytesError("these bytes are archived already"),
    "uq_frame_versions_received_md5": DuplicateBytesError("these bytes are archived already"),
    "uq_frame_versions_key": DuplicateNameError("a version of this key exists already"),
    "uq_frames_basename": DuplicateNameError("a frame of this basename exists already"),
    "uq_files_key": DuplicateNameError("a file of this path exists already"),
    "pk_frames": DuplicateNameError("a frame of this number exists already"),
    "uq_stored_thumbnails_basename": DuplicateNameError("a picture of this name exists already"),
    "pk_files": DuplicateNameError("a file of this number exists already"),
    "uq_users_username_lower": DuplicateNameError("a user of this name exists already"),
    "uq_users_email_lower": DuplicateNameError("a user with this e-mail address exists already"),
    "pk_proposals": DuplicateNameError("a proposal of this name exists already"),
    "uq_arrivals_open_source": DuplicateNameError("this file is waiting already"),
    "uq_credentials_live_token": DuplicateNameError("this user has a token already"),
}


def conflict_of(error: DBAPIError) -> ConflictError | None:
    """Translate a violated constraint.

    Parameters
    ----------
    error
        As SQLAlchemy raised it.

    Returns
    -------
    ConflictError or None
        None where no constraint with a meaning of its own was violated.
    """
    cause = getattr(error.orig, "__cause__", None)
    meaning = _MEANINGS.get(getattr(cause, "constraint_name", None) or "")
    return None if meaning is None else type(meaning)(meaning.message)
