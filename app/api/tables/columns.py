"""Columns of tables, made of the models that document the items of a list."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from app.api.tables.vocabulary import TERMS, Kind, Term, other_name
from app.frames.header_filters import HeaderColumn

HEADER: Final = "header."
"""Begins the name of a column that holds a header card."""

_KINDS: Final[dict[type, Kind]] = {
    bool: Kind.FLAG,
    int: Kind.INTEGER,
    float: Kind.NUMBER,
    datetime: Kind.MOMENT,
    date: Kind.DAY,
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Attributes
    ----------
    name
        Of the member of an item.
    kind
        What its cells hold.
    description, unit, ucd
        What it means; see `app.api.tables.vocabulary.Term`.
    is_default
        Whether a table has it unless columns are chosen.
    """

    name: str
    kind: Kind
    description: str = ""
    unit: str = ""
    ucd: str = ""
    is_default: bool = True


def columns_of(model: type[BaseModel], more: Iterable[str] = ()) -> tuple[Column, ...]:
    """Make the columns of a list.

    Parameters
    ----------
    model
        Documents an item.
    more
        Names of the vocabulary for members that items of tables have besides; all are numbers.

    Returns
    -------
    tuple of Column
        In the order of the model. Where a value stands under two names, only the first is a
        default column, and documents within documents are none.
    """
    fields = model.model_fields
    own = [_column(name, field, known={*fields}) for name, field in fields.items()]
    return (*own, *(_described(name, Kind.NUMBER, TERMS[name], "") for name in more))


def header_column(described: HeaderColumn) -> Column:
    """Make the column of a header card.

    Parameters
    ----------
    described
        Which types of values the keyword has.

    Returns
    -------
    Column
        Of numbers or flags where all cards hold such, else of text.
    """
    kind = Kind.TEXT
    if not described.has_texts and described.has_numbers is not described.has_flags:
        kind = Kind.NUMBER if described.has_numbers else Kind.FLAG
    name = f"{HEADER}{described.keyword}"
    return Column(name, kind, f"Header card {described.keyword}.", is_default=False)


def _column(name: str, field: FieldInfo, known: Collection[str | None]) -> Column:
    kind = _kind_of(field.annotation)
    told = (field.description or "").replace("\n", " ").replace("`", "")
    column = _described(name, kind, TERMS.get(name, Term()), told)
    if column.kind is Kind.DOCUMENT or other_name(name) in known:
        return Column(
            column.name,
            column.kind,
            column.description,
            column.unit,
            column.ucd,
            is_default=False,
        )
    return column


def _described(name: str, kind: Kind, term: Term, told: str) -> Column:
    return Column(name, term.kind or kind, term.description or told, term.unit, term.ucd)


def _kind_of(annotation: Any) -> Kind:  # noqa: ANN401  # whatever a model is annotated with
    """Read a type; None beside another one only says that the value may be missing."""
    if get_origin(annotation) in {Union, UnionType}:
        members = [member for member in get_args(annotation) if member is not NoneType]
        return _kind_of(members[0]) if len(members) == 1 else Kind.TEXT
    if get_origin(annotation) is Literal:
        return Kind.TEXT
    if isinstance(annotation, type):
        found = _KINDS.get(annotation)
        return found or (Kind.TEXT if issubclass(annotation, str) else Kind.DOCUMENT)
    return Kind.DOCUMENT
