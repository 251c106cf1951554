"""The frames' SQL: private to the feature and to the composition root."""

from app.frames.store.announcing import AnnouncementWriter
from app.frames.store.filters import SORTABLE
from app.frames.store.header_cards import describe_keywords, list_cards
from app.frames.store.header_search import narrowed
from app.frames.store.reading import FrameReader
from app.frames.store.trash import Removal, TrashStore
from app.frames.store.visibility import Sight
from app.frames.store.writing import FrameWriter

__all__ = [
    "SORTABLE",
    "AnnouncementWriter",
    "FrameReader",
    "FrameWriter",
    "Removal",
    "Sight",
    "TrashStore",
    "describe_keywords",
    "list_cards",
    "narrowed",
]
