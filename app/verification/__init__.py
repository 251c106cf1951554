"""Proves that what is stored is what was received, and mends what is not."""
