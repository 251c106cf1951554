"""Structured logs, the same in every process."""

import logging
import sys

import structlog


def configure_logs(*, level: str, style: str) -> None:
    """Send structured logs of this process to standard error.

    Parameters
    ----------
    level
        Least severe level: ``debug``, ``info``, ``warning`` or ``error``.
    style
        ``console`` for people, ``json`` for log collectors.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_renderers(style))
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers[:] = []
        logging.getLogger(name).propagate = True
    # httpx writes whole URLs, with the signatures of links; a pool tells each time it is closed.
    for name in ("alembic", "app.db.gate", "httpx", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _renderers(style: str) -> list[structlog.typing.Processor]:
    """Return the last steps: drop bookkeeping, then print."""
    drop = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if style == "json":
        return [drop, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return [
        drop,
        _escape,
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            # The default shows local variables, which may hold passwords.
            exception_formatter=structlog.dev.plain_traceback,
        ),
    ]


def _escape(
    _logger: object, _name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Escape what is not printable: names of files must neither begin lines nor steer a terminal.

    JSON does so by itself.
    """
    return {key: _printable(value) for key, value in event.items()}


def _printable(value: object) -> object:
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(
        character if character.isprintable() else repr(character)[1:-1] for character in value
    )
