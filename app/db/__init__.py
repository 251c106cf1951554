"""The database: engine, embedded server, tables, violations."""
