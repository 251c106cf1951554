"""FITS knowledge: bytes in, values out."""
