"""Plan a zip of frames, then stream it."""
