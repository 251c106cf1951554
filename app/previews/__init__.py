"""Rendered pictures of frames and their cache."""
