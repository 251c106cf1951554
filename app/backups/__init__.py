"""Copies of a whole archive, and an archive from a copy."""
