"""Uploads: the file parts of a multipart body go straight into the spool, then through the door."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.api.frames.wire import CreatedOut, UploadOut
from app.context import Factory
from app.core.errors import (
    ArchiveError,
    InvalidError,
    NotFoundError,
    TooLargeError,
    UnavailableError,
)
from app.core.faults import FaultPoint, reach
from app.core.identity import SYSTEM, Caller
from app.core.paging import Window
from app.frames.models import FrameQuery
from app.ingest.models import ArrivalState, NewArrival, NotRecordedError, Outcome, Source
from app.ingest.spool import Spool, remove_copy
from app.storage.digests import DigestingWriter
from app.storage.errors import StorageUnavailableError

MAX_FILES = 1000
"""Most files in one upload."""

MAX_PARTS = 3000
"""Most files and fields in one upload: reading a part costs time, however small it is."""

_NAMELESS = "upload.fits"
_MAX_NAME = 200
_VOLUMES_TRIED_S = 1.0
_WITHOUT_FILES = (b"", b"application/x-www-form-urlencoded")


class MalformedUploadError(InvalidError):
    """The body is no complete multipart form."""

    title = "Malformed upload"


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file in the spool.

    Attributes
    ----------
    name
        As it was sent, without folders.
    path
        In the spool.
    size_bytes
        Its length [byte].
    """

    name: str
    path: Path
    size_bytes: int


class UploadWriter:
    """Parses a multipart body (RFC 7578) as it comes and writes its files. Its methods block.

    Parameters
    ----------
    boundary
        Of the content type.
    spool
        Where the files go.
    """

    def __init__(self, boundary: bytes, spool: Spool) -> None:
        self.files: list[Uploaded] = []
        self._spool = spool
        self._open = ExitStack()
        self._writer: DigestingWriter | None = None
        self._path = Path()
        self._name = ""
        self._header = (bytearray(), bytearray())
        self._headers: dict[bytes, bytes] = {}
        self._parts = 0
        self._is_complete = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_part_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
        )

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the body.

        Parameters
        ----------
        chunk
            Any number of them.

        Raises
        ------
        MalformedUploadError
            If this is no multipart form.
        """
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise MalformedUploadError(f"the body is no multipart form: {error}") from error

    def finish(self) -> None:
        """Check that the body is complete.

        Raises
        ------
        MalformedUploadError
            If it ends early.
        """
        if not self._is_complete:
            raise MalformedUploadError("the body ends before its last boundary: send it again")

    def discard(self) -> None:
        """Remove all files."""
        self._open.close()
        discard(self.files)

    def _on_part_begin(self) -> None:
        """Begin a part.

        Raises
        ------
        TooLargeError
            If there are too many.
        """
        self._headers.clear()
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise TooLargeError(f"at most {MAX_PARTS} parts fit into one upload: send several")

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0].extend(data[start:end])

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1].extend(data[start:end])

    def _on_header_end(self) -> None:
        name, value = self._header
        self._headers[bytes(name).lower()] = bytes(value)
        self._header = (bytearray(), bytearray())

    def _on_headers_finished(self) -> None:
        """Open a file of the spool for a part that is a file.

        Raises
        ------
        TooLargeError
            If there are too many.
        """
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        if b"filename" not in options:
            return
        if len(self.files) == MAX_FILES:
            raise TooLargeError(f"at most {MAX_FILES} files fit into one upload: send several")
        self._name = plain_name(options[b"filename"])
        self._path = self._spool.new_path()
        self._writer = self._open.enter_context(DigestingWriter(self._path))

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._writer is not None:
            self._writer.update(memoryview(data)[start:end])

    def _on_part_end(self) -> None:
        if self._writer is None:
            return
        digests = self._writer.finish()
        self._open.close()
        self._writer = None
        uploaded = Uploaded(self._name or _NAMELESS, self._path, digests.size_bytes)
        if self._name or uploaded.size_bytes:
            self.files.append(uploaded)
        else:
            self._path.unlink()  # what a browser sends for a field in which no file was chosen

    def _on_end(self) -> None:
        self._is_complete = True


def plain_name(raw: bytes) -> str:
    """Take the last component of a file name, as text that everybody can read.

    Parameters
    ----------
    raw
        As it was sent, in UTF-8 or Latin-1.

    Returns
    -------
    str
        Without folders and control characters; may be empty.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    last = text.replace("\\", "/").rpartition("/")[2].strip()
    printable = "".join(c if c.isprintable() else "_" for c in last)
    return "" if printable in {".", ".."} else printable[-_MAX_NAME:]


def discard(files: Sequence[Uploaded]) -> None:
    """Remove files from the spool.

    Parameters
    ----------
    files
        Those that were not handed over.
    """
    for file in files:
        remove_copy(file.path)


async def receive(request: Request, services: Factory) -> list[Uploaded]:
    """Write the files of a request into the spool, in constant memory.

    Parameters
    ----------
    request
        The request; its body was not read yet.
    services
        Of the process; its volumes say whether the body fits before anything of it is read.

    Returns
    -------
    list of Uploaded
        In the order of the body; nothing is left of them if an error is raised.

    Raises
    ------
    MalformedUploadError
        If the body is no complete multipart form.
    TooLargeError
        If there are too many files.
    StorageUnavailableError
        If a disk refuses; a `StorageFullError` where there is no room.
    """  # writer and volumes raise them
    boundary = _boundary(request)
    if boundary is None:
        return []
    await services.volumes.require_room(_declared_bytes(request), max_age_s=_VOLUMES_TRIED_S)
    writer = UploadWriter(boundary, services.ingest.spool)
    try:
        async for chunk in request.stream():
            await asyncio.to_thread(writer.feed, chunk)
        writer.finish()
    except BaseException:
        writer.discard()
        raise
    reach(FaultPoint.UPLOAD_SPOOLED)
    return writer.files


def _declared_bytes(request: Request) -> int:
    """Say how long the body is by its header [byte]; 0 where it says nothing."""
    declared = request.headers.get("content-length", "")[:20]
    return int(declared) if declared.isdecimal() else 0


def _boundary(request: Request) -> bytes | None:
    """Read the content type; None for a form that cannot hold files.

    Raises
    ------
    RequestValidationError
        If it is no form at all; the form in which FastAPI says that itself.
    MalformedUploadError
        If it names no boundary.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind in _WITHOUT_FILES:
        return None
    if kind != b"multipart/form-data":
        raise RequestValidationError(
            [{"type": "model_attributes_type", "loc": ("body",), "msg": "", "input": kind}]
        )
    if not 0 < len(options.get(b"boundary", b"")) <= 70:
        raise MalformedUploadError("the content type multipart/form-data names no valid boundary")
    return options[b"boundary"]


async def take_in(services: Factory, caller: Caller, files: Sequence[Uploaded]) -> CreatedOut:
    """File uploads, one after the other.

    Parameters
    ----------
    services
        Of the process.
    caller
        Who uploads them.
    files
        In the spool; none of them is left there, except what waits for a worker.

    Returns
    -------
    CreatedOut
        What became of them.
    """
    waiting = list(files)
    results: list[UploadOut] = []
    try:
        while waiting:
            results.append(await _take_in(services, caller, waiting.pop(0)))
    finally:
        discard(waiting)
    reach(FaultPoint.UPLOAD_SETTLED)
    return await _summary(services, results)


async def _take_in(services: Factory, caller: Caller, file: Uploaded) -> UploadOut:
    """File one upload.

    Raises
    ------
    NotRecordedError
        If the database is away; nothing is kept, and the client sends it again.
    StorageUnavailableError
        If a disk refuses; the same.
    """
    new = NewArrival(
        source=Source.UPLOAD,
        filename=file.name,
        size_bytes=file.size_bytes,
        held_path=file.path,
        owner_id=caller.user_id,
    )
    try:
        _, outcome = await services.ingest.take_in(new)
    except (NotRecordedError, StorageUnavailableError):
        discard([file])
        raise
    except UnavailableError as error:
        return _result(file, ArrivalState.WAITING, reason=f"{error.message}; it is filed later")
    if isinstance(outcome, Outcome):
        return _result(file, outcome.state, frame_id=outcome.frame_id)
    if isinstance(outcome, NotFoundError):
        return _result(file, ArrivalState.DISCARDED, reason=outcome.message)
    if isinstance(outcome, ArchiveError):
        return _result(file, ArrivalState.QUARANTINED, reason=outcome.message)
    return _result(file, ArrivalState.WAITING, reason="a worker is filing it")


def _result(
    file: Uploaded, state: ArrivalState, *, frame_id: int | None = None, reason: str | None = None
) -> UploadOut:
    return UploadOut(filename=file.name, state=state, frame_id=frame_id, reason=reason)


async def _summary(services: Factory, results: list[UploadOut]) -> CreatedOut:
    """Say what became of all; the member ``errors`` is set only where there are some."""
    ids = [result.frame_id for result in results if result.frame_id is not None]
    query = FrameQuery(frame_ids=frozenset(ids), window=Window(limit=len(ids)))
    page = await services.frames.search(query, SYSTEM)
    names = {frame.id: frame.basename for frame in page.items}
    errors = [f"{result.filename}: {result.reason}" for result in results if result.reason]
    return CreatedOut.model_validate(
        {
            "created": len(ids),
            "filenames": [names[frame_id] for frame_id in ids],
            "results": results,
            **({"errors": list(dict.fromkeys(errors))} if errors else {}),
        }
    )
