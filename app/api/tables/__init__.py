"""Lists as tables: CSV, VOTable and Parquet, whole and streamed; see docs/adr/0010-tables.md."""

from app.api.tables.columns import Column, columns_of, header_column
from app.api.tables.frames import frame_columns, frame_items, frame_table
from app.api.tables.lists import frames_response, items_table
from app.api.tables.responses import Rows, table_response, table_responses, written
from app.api.tables.wishes import VARY, Format, TableWish, Tabular

__all__ = [
    "VARY",
    "Column",
    "Format",
    "Rows",
    "TableWish",
    "Tabular",
    "columns_of",
    "frame_columns",
    "frame_items",
    "frame_table",
    "frames_response",
    "header_column",
    "items_table",
    "table_response",
    "table_responses",
    "written",
]
