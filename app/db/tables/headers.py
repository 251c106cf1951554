"""Header cards, laid out for search; see docs/adr/0009-header-search.md."""

from sqlalchemy import BigInteger, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables.base import Base


class HeaderValueRow(Base):
    """The value of one card of the header of a frame's newest version; undefined ones have none.

    One of the three values is set. Text is compared byte by byte, so that ISO dates sort.
    """

    __tablename__ = "header_values"
    __table_args__ = (
        Index(
            "ix_header_values_number",
            "keyword",
            "number",
            "frame_id",
            postgresql_where=text("number IS NOT NULL"),
        ),
        Index(
            "ix_header_values_text",
            "keyword",
            "text",
            "frame_id",
            postgresql_where=text("text IS NOT NULL"),
        ),
        Index(
            "ix_header_values_flag",
            "keyword",
            "flag",
            "frame_id",
            postgresql_where=text("flag IS NOT NULL"),
        ),
    )

    frame_id: Mapped[int] = mapped_column(
        BigInteger(), ForeignKey("frames.id", ondelete="CASCADE"), primary_key=True
    )
    keyword: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    number: Mapped[float | None]
    flag: Mapped[bool | None]
    text: Mapped[str | None] = mapped_column(Text(collation="C"))
