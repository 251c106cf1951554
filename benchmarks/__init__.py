"""`make bench`: how fast the archive is, beside what the machine could do at best."""
