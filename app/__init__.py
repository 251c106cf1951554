"""Skyshelf: the archive's middle and its HTTP edge."""
