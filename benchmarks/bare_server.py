"""The least that can send files over HTTP: a loop of reads of 1 MiB and writes to the socket."""

import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

from typing_extensions import override

from benchmarks.driver import BLOCK_BYTES, Target


@contextmanager
def serving(paths: Sequence[Path]) -> Iterator[Target]:
    """Serve some files, one after the other as one body, from a process of its own.

    Parameters
    ----------
    paths
        The files.

    Yields
    ------
    Target
        Where they are.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(paths, theirs), daemon=True)
    process.start()
    try:
        yield Target(port=ours.recv(), path="/", headers={})
    finally:
        process.terminate()
        process.join()


class _Server(ThreadingTCPServer):
    """A thread for each connection, without names, ranges or errors."""

    daemon_threads = True

    def __init__(self, paths: Sequence[Path]) -> None:
        super().__init__(("127.0.0.1", 0), _Sender)
        self.paths = paths
        self.size_bytes = sum(path.stat().st_size for path in paths)


class _Sender(StreamRequestHandler):
    """Answers every request with all files."""

    server: _Server

    @override
    def handle(self) -> None:
        while self._read_request():
            length = self.server.size_bytes
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"
            self.connection.sendall(head.encode("ascii"))
            for path in self.server.paths:
                self._send(path)

    def _read_request(self) -> bool:
        """Read up to the empty line; say whether there was anything."""
        line = self.rfile.readline()
        while line.strip():
            line = self.rfile.readline()
        return bool(line)

    def _send(self, path: Path) -> None:
        """Send a file."""
        with path.open("rb", buffering=0) as file:
            while block := file.read(BLOCK_BYTES):
                self.connection.sendall(block)


def _serve(paths: Sequence[Path], port: Connection) -> None:
    """Serve until killed, in the child."""
    with _Server(paths) as server:
        port.send(server.server_address[1])
        server.serve_forever()
