"""Work that waits in PostgreSQL and survives its workers."""
