"""Thumbnails that clients made, as members of the frames that they show (ARC-25)."""

from collections.abc import Sequence
from dataclasses import replace

from app.api.frames.wire_items import FrameView, Members
from app.context import Factory
from app.core.identity import Caller
from app.frames.announced import StoredThumbnail
from app.frames.links import LinkSigner
from app.frames.models import Frame


async def pictured(
    view: FrameView, services: Factory, caller: Caller, frames: Sequence[Frame]
) -> FrameView:
    """Give a view that knows the thumbnails of some frames, if they are to be shown.

    Parameters
    ----------
    view
        That is asked for.
    services
        Of the process.
    caller
        Who asks.
    frames
        That are to be written.

    Returns
    -------
    FrameView
        The same where no thumbnails are asked for.
    """
    if not view.with_thumbnails:
        return view
    found = await services.thumbnail_records.of_frames([frame.id for frame in frames], caller)
    pictures = {
        frame_id: [thumbnail_item(each, view.picture_root, view.links) for each in thumbnails]
        for frame_id, thumbnails in found.items()
    }
    return replace(view, pictures=pictures)


def link_subject(thumbnail: StoredThumbnail) -> str:
    """Name what a signed link to a thumbnail opens.

    Parameters
    ----------
    thumbnail
        The picture.

    Returns
    -------
    str
        Never the key of a version, which holds no blank.
    """
    return f"thumbnail {thumbnail.key}"


def thumbnail_item(thumbnail: StoredThumbnail, http_root: str, links: LinkSigner) -> Members:
    """Write a thumbnail.

    Parameters
    ----------
    thumbnail
        One that the caller sees.
    http_root
        Public URL of the LCO archive's mount, without a final slash.
    links
        Signs the link.

    Returns
    -------
    dict
        Members of `app.api.archive.wire_writing_records.ThumbnailOut`.
    """
    signature = links.sign(thumbnail.id, link_subject(thumbnail))
    return {
        "id": thumbnail.id,
        "frame": thumbnail.frame_id,
        "size": thumbnail.size,
        "basename": thumbnail.basename,
        "extension": thumbnail.extension,
        "key": thumbnail.key,
        "url": f"{http_root}/thumbnails/{thumbnail.id}/download/?{signature}",
    }
