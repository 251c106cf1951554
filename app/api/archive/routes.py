"""Routes of the strict mount archive."""

from fastapi import APIRouter

TAGS = [{"name": "frames", "description": "Search frames, read their headers, fetch their files."}]

router = APIRouter()
