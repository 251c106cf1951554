"""The SQL of the verification: private to it."""

from app.verification.store.files import FileStore
from app.verification.store.rows import RowStore
from app.verification.store.runs import RunStore
from app.verification.store.trash import TrashRows

__all__ = ["FileStore", "RowStore", "RunStore", "TrashRows"]
