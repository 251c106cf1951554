"""Frames and users of other archives: read there, filed here as they were."""
