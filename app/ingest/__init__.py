"""The one door: a file becomes a frame."""
