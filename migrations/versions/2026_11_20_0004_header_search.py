"""Search by header keyword: the cards of every frame's newest version, one row each."""

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | None = None
depends_on: str | None = None

# The rules are those of app/fits/merging.py and app/frames/store/header_cards.py on the day of
# this migration: the science cards over the primary ones, of duplicates the first.
_FILL = """
INSERT INTO header_values (frame_id, keyword, number, flag, text)
SELECT frame_id, keyword,
       CASE WHEN kind = 'number' THEN (value #>> '{}')::float8 END,
       CASE WHEN kind = 'boolean' THEN (value #>> '{}')::boolean END,
       CASE WHEN kind = 'string' THEN left(value #>> '{}', 200) END
FROM (
    SELECT DISTINCT ON (frame_id, keyword)
           frame_id, keyword, value, jsonb_typeof(value) AS kind
    FROM (
        SELECT newest.frame_id, (hdu ->> 'index')::int AS hdu_index, place,
               card ->> 0 AS keyword, card -> 1 AS value, coalesce(science_hdu, 0) AS science
        FROM (
            SELECT DISTINCT ON (frame_id) id, frame_id, science_hdu
            FROM frame_versions ORDER BY frame_id, id DESC
        ) newest
        JOIN frame_headers ON frame_headers.version_id = newest.id
        CROSS JOIN jsonb_array_elements(hdus) AS hdu
        CROSS JOIN jsonb_array_elements(hdu -> 'cards') WITH ORDINALITY AS listed(card, place)
    ) cards
    WHERE hdu_index IN (0, science)
      AND keyword NOT IN ('', 'COMMENT', 'HISTORY')
      AND length(keyword) <= 80
      AND NOT (
          hdu_index = 0 AND science <> 0 AND keyword ~
          '^(SIMPLE|XTENSION|BITPIX|NAXIS[0-9]*|EXTEND|PCOUNT|GCOUNT|GROUPS|TFIELDS|THEAP'
          '|EXT(NAME|VER|LEVEL)|BSCALE|BZERO|BLANK|CHECKSUM|DATASUM)$'
      )
    ORDER BY frame_id, keyword, (hdu_index = 0), place
) merged
WHERE kind IN ('number', 'boolean', 'string')
"""


def upgrade() -> None:
    """Make the table, fill it from the headers that are there, and only then index it."""
    op.create_table(
        "header_values",
        sa.Column("frame_id", sa.BigInteger(), nullable=False),
        sa.Column("keyword", sa.Text(collation="C"), nullable=False),
        sa.Column("number", sa.Double(), nullable=True),
        sa.Column("flag", sa.Boolean(), nullable=True),
        sa.Column("text", sa.Text(collation="C"), nullable=True),
    )
    op.execute(_FILL)
    op.create_primary_key(op.f("pk_header_values"), "header_values", ["frame_id", "keyword"])
    op.create_foreign_key(
        op.f("fk_header_values_frame_id_frames"),
        "header_values",
        "frames",
        ["frame_id"],
        ["id"],
        ondelete="CASCADE",
    )
    for column in ("number", "text", "flag"):
        op.create_index(
            f"ix_header_values_{column}",
            "header_values",
            ["keyword", column, "frame_id"],
            postgresql_where=sa.text(f"{column} IS NOT NULL"),
        )
    _know_every_keyword()


def downgrade() -> None:
    """Forget the cards; the headers themselves stay."""
    op.drop_table("header_values")


def _know_every_keyword() -> None:
    """Let the planner know how often each of many keywords occurs, and their values."""
    for column in ("keyword", "number", "text"):
        op.execute(f"ALTER TABLE header_values ALTER COLUMN {column} SET STATISTICS 1000")
    op.execute("ANALYZE header_values")
