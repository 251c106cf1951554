"""The catalogue of frames: search, detail, versions, relations."""
