"""What is made of frames."""

from dataclasses import dataclass
from functools import cached_property

from app.context.catalogue import Catalogue
from app.previews.packed import PackedFiles
from app.previews.plain import PlainFiles
from app.previews.service import PreviewService
from app.previews.thumbnail_links import ThumbnailLinks
from app.previews.thumbnails import ThumbnailService
from app.previews.trimming import CacheTrimmer


@dataclass(frozen=True)
class Pictures(Catalogue):
    """What is made of frames."""

    @cached_property
    def previews(self) -> PreviewService:
        """Rendered pictures."""
        return PreviewService(self.settings.previews_dir, self.store, self.offload)

    @cached_property
    def thumbnails(self) -> ThumbnailService:
        """Thumbnails, also in colour."""
        return ThumbnailService(self.settings.previews_dir, self.frames, self.store, self.offload)

    @cached_property
    def thumbnail_links(self) -> ThumbnailLinks:
        """Signed links to thumbnails."""
        return ThumbnailLinks(
            self.settings.secret(), lifetime_s=self.settings.link_lifetime_s, clock=self.clock
        )

    @cached_property
    def packed(self) -> PackedFiles:
        """Packed files for clients that expect nothing else."""
        return PackedFiles(self.settings.previews_dir, self.store, self.offload)

    @cached_property
    def plain(self) -> PlainFiles:
        """Unpacked files, and catalogues alone."""
        return PlainFiles(self.settings.previews_dir, self.store, self.offload)

    @cached_property
    def cache_trimmer(self) -> CacheTrimmer:
        """Keeps the cache of previews within its limit."""
        return CacheTrimmer(self.settings.previews_dir, self.settings.cache_bytes)
