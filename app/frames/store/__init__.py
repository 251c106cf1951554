"""The frames' SQL: private to the feature and to the composition root."""

from app.frames.store.filters import SORTABLE
from app.frames.store.reading import FrameReader
from app.frames.store.visibility import Sight
from app.frames.store.writing import FrameWriter

__all__ = ["SORTABLE", "FrameReader", "FrameWriter", "Sight"]
