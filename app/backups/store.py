"""What a backup reads of the catalogue, within one session."""
