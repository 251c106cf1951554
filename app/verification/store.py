"""Selects and changes of the verification, within one session."""
