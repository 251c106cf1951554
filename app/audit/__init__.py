"""Who did what to the archive, when and why."""
