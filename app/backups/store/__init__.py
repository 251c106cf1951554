"""The backups' SQL; private to the feature."""

from app.backups.store.returning import ReturnStore
from app.backups.store.snapshots import BackupStore, Held

__all__ = ["BackupStore", "Held", "ReturnStore"]
