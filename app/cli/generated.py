"""Pages that are written from the code, so that they cannot disagree with it."""

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from app.core.errors import InvalidError
from app.fits.keyword_page import keyword_map_page
from app.main import DIALECTS, create_app, mounted_app
from app.settings import PREFIX, Settings

_ROOT = Path(__file__).parents[2]
_TYPES = {"string": "text", "integer": "a whole number", "number": "a number"}
_TYPE = re.compile(" <[^>]*>$")  # what typer puts behind names: python types say nothing to users
_NOTICE = "<!-- Written by `skyshelf docs`; change the code instead. -->\n\n"


def generated_pages(commands: typer.Typer) -> dict[Path, str]:
    """Write all generated pages.

    Parameters
    ----------
    commands
        The command line.

    Returns
    -------
    dict
        File -> its whole text.

    Raises
    ------
    InvalidError
        If this is no source tree.
    """
    if not (_ROOT / "pyproject.toml").is_file():
        raise InvalidError("`skyshelf docs` works in a clone of the source only: run it there")
    return {
        _ROOT / ".env.example": env_example(),
        _ROOT / "docs/admin/reference/settings.md": settings_page(),
        _ROOT / "docs/admin/reference/keyword-map.md": keyword_map_page(),
        _ROOT / "docs/admin/reference/commands.md": commands_page(commands),
        **{_ROOT / "docs/dev/reference" / name: text for name, text in openapi_documents().items()},
    }


def out_of_date(pages: Mapping[Path, str]) -> list[Path]:
    """Tell which pages do not stand on disk as they should.

    Parameters
    ----------
    pages
        File -> its whole text.

    Returns
    -------
    list of Path
        Relative to the source tree.
    """
    return [
        file.relative_to(_ROOT)
        for file, text in pages.items()
        if not file.is_file() or file.read_text(encoding="utf-8") != text
    ]


def write_pages(pages: Mapping[Path, str]) -> None:
    """Write pages to disk.

    Parameters
    ----------
    pages
        File -> its whole text.
    """
    for file, text in pages.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def openapi_documents() -> dict[str, str]:
    """Write the OpenAPI documents of the root and of each mount, with default settings.

    Returns
    -------
    dict
        File name -> JSON, sorted and indented.
    """
    root = create_app(_defaults())
    mounts = {f"openapi-{each.name}.json": mounted_app(each, root) for each in DIALECTS}
    return {name: _json(app.openapi()) for name, app in {"openapi.json": root, **mounts}.items()}


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def commands_page(commands: typer.Typer) -> str:
    """Write the reference of the command line.

    Parameters
    ----------
    commands
        The command line.

    Returns
    -------
    str
        Markdown.
    """
    root = get_command(commands)
    context = typer.Context(root, info_name="skyshelf")
    sections = [
        f"## `{' '.join(words)}`\n\n{command.help}\n{_parameters(command, context)}"
        for words, command in _all_commands(root, context, ("skyshelf",))
    ]
    return _NOTICE + _COMMANDS_HEAD + "\n".join(sections)


def _all_commands(
    group: Any,  # noqa: ANN401  # typer does not tell its base class of groups and commands
    context: typer.Context,
    words: tuple[str, ...],
) -> Iterator[tuple[tuple[str, ...], TyperCommand]]:
    """Give all commands below a group, with the words that call them."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, TyperGroup):
            yield from _all_commands(command, context, (*words, name))
        else:
            yield (*words, name), command


def _parameters(command: TyperCommand, context: typer.Context) -> str:
    """Give a list of arguments and options; empty where there is only ``--help``."""
    records = (parameter.get_help_record(context) for parameter in command.params)
    lines = [f"- `{_TYPE.sub('', name)}`: {text}" for name, text in filter(None, records)]
    return "".join(f"\n{line}" for line in lines) + "\n" * bool(lines)


def settings_page() -> str:
    """Write the reference of the settings.

    Returns
    -------
    str
        Markdown.
    """
    sections = [
        f"## `{PREFIX}{name.upper()}`\n\n{_sentence(schema)}\n\nTakes {_takes(name, schema)}."
        f" {_default(schema)}\n"
        for name, schema in _schemas().items()
    ]
    return _NOTICE + _SETTINGS_HEAD + "\n".join(sections)


def env_example() -> str:
    """Write a file of all settings, to be copied to ``.env``.

    Returns
    -------
    str
        Every setting in a comment, with its default.
    """
    entries = []
    for name, schema in _schemas().items():
        lines = schema["description"].splitlines()
        comment = "\n".join(f"# {line}" for line in [*lines, f"Takes {_takes(name, schema)}."])
        entries.append(f"{comment}\n#{PREFIX}{name.upper()}={_written(schema['default'])}\n")
    return _ENV_HEAD + "\n".join(entries)


def _defaults() -> Settings:
    """Give the settings of an empty environment."""
    return Settings.model_construct()


def _schemas() -> dict[str, dict[str, Any]]:
    """Give the JSON schema of each setting, with references and alternatives to None resolved."""
    whole = Settings.model_json_schema()
    named = (name for part in Settings.__mro__ for name in inspect.get_annotations(part))
    schemas = {}
    for name in filter(whole["properties"].__contains__, named):
        schema = whole["properties"][name]
        inner: dict[str, Any] = next(
            (one for one in schema.get("anyOf", ()) if one["type"] != "null"), {}
        )
        definition = whole["$defs"].get(schema.get("$ref", "").rpartition("/")[2], {})
        schemas[name] = {**definition, **inner, **schema}
    return schemas


def _sentence(schema: Mapping[str, Any]) -> str:
    return " ".join(schema["description"].split())


def _takes(name: str, schema: Mapping[str, Any]) -> str:
    """Say which values a setting takes."""
    pattern: str = schema.get("pattern", "")
    words = schema.get("enum") or (pattern.strip("^$()").split("|") if pattern else None)
    if words:
        return "one of " + ", ".join(f"`{word}`" for word in words)
    if schema.get("format") == "path":
        return "a path"
    if schema["type"] == "array":
        return "a list, separated by commas"
    return _TYPES[schema["type"]] + _bounds(schema) + _unit(name)


def _bounds(schema: Mapping[str, Any]) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if "exclusiveMinimum" in schema:
        return f" above {schema['exclusiveMinimum']}, up to {most}"
    if most is not None:
        return f" from {least} to {most}"
    if least is not None:
        return f" from {least}"
    if "maxLength" in schema:
        return f" of {schema['minLength']} to {schema['maxLength']} characters"
    return ""


def _unit(name: str) -> str:
    """Say in which unit, as the name of a setting ends."""
    units = {"s": "s", "bytes": "byte", "days": "day"}
    unit = units.get(name.rpartition("_")[2])
    return f" [{unit}]" if unit else ""


def _default(schema: Mapping[str, Any]) -> str:
    text = _written(schema["default"])
    return f"Default: `{text}`." if text else "Not set by default."


def _written(value: object) -> str:
    """Write a value as it stands in the environment."""
    if value is None:
        return ""
    return ",".join(value) if isinstance(value, list) else str(value)


_COMMANDS_HEAD = """\
# Commands

Exit codes: 0 done, 1 done with failures, 2 not done, 130 stopped by Ctrl-C. What went wrong is said
in one line on standard error. Every command reads the [settings](settings.md); those that need the
database start the embedded PostgreSQL for their time, where none runs and none is named.

"""
_SETTINGS_HEAD = """\
# Settings

Settings come from the environment or from the file `.env` in the working directory; the
environment wins. An empty value counts as not set. A wrong value stops the start with one line that
names the setting and what it takes. `<data>` is the folder that `SKYSHELF_DATA_DIR` names.

"""
_ENV_HEAD = """\
# Settings of Skyshelf. Copy this file to .env, and take the # off the lines that you change.
# Written by `skyshelf docs`; change app/settings/ instead.

"""
