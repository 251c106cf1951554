"""Ask over HTTP with as little work of our own as possible, and time the answers.

The standard library's client costs a tenth of a millisecond an answer and reads bodies into a
buffer that it is given; httpx, which the benchmarks use where nothing is timed, would be slower
than the service it measures.
"""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection

BLOCK_BYTES = 1 << 20
_TIMEOUT_S = 60.0


class UnexpectedAnswerError(Exception):
    """The service did not answer as it should."""


@dataclass(frozen=True, slots=True)
class Target:
    """Something to ask for.

    Attributes
    ----------
    port
        Of 127.0.0.1.
    path
        With its query.
    headers
        Of the request.
    """

    port: int
    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """How an answer came.

    Attributes
    ----------
    first_byte_s
        From the request to the first byte of the body [s].
    total_s
        From the request to its last byte [s].
    size_bytes
        Length of the body [byte].
    """

    first_byte_s: float
    total_s: float
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Round:
    """What some clients got, each on a connection of its own.

    Attributes
    ----------
    answers
        Of all clients.
    took_s
        From the first request to the last answer [s].
    """

    answers: Sequence[Answer]
    took_s: float

    @property
    def requests_per_s(self) -> float:
        """Rate of all clients together."""
        return len(self.answers) / self.took_s

    @property
    def mb_per_s(self) -> float:
        """Rate of all clients together, with a megabyte of 1,000,000 byte."""
        return sum(answer.size_bytes for answer in self.answers) / 1e6 / self.took_s


class Client:
    """A connection that is kept.

    Parameters
    ----------
    target
        What is asked for, again and again.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._connection = HTTPConnection("127.0.0.1", target.port, timeout=_TIMEOUT_S)
        self._buffer = memoryview(bytearray(BLOCK_BYTES))

    def get(self, path: str | None = None) -> Answer:
        """Ask, and read the whole answer.

        Parameters
        ----------
        path
            What for; None for that of the target.

        Returns
        -------
        Answer
            How it came.

        Raises
        ------
        UnexpectedAnswerError
            If the status is not 200.
        """
        wanted = path or self._target.path
        begun = time.perf_counter()
        self._connection.request("GET", wanted, headers=dict(self._target.headers))
        response = self._connection.getresponse()
        if response.status != 200:
            raise UnexpectedAnswerError(f"GET {wanted} → {response.status}: {response.read()!r}")
        size_bytes = response.readinto(self._buffer[:1])  # a longer read waits until it is full
        first_byte_s = time.perf_counter() - begun
        while length := response.readinto(self._buffer):
            size_bytes += length
        return Answer(first_byte_s, time.perf_counter() - begun, size_bytes)

    def close(self) -> None:
        """Give the connection up."""
        self._connection.close()


def take_turns(
    target: Target, floor: Target, *, rounds: int, clients: int, each: int
) -> tuple[list[Round], list[Round]]:
    """Ask for two things in turns, so that a neighbour's load on the machine meets both.

    Parameters
    ----------
    target, floor
        What for.
    rounds
        How often; with new connections each time, for which of the service's processes serves a
        connection is luck.
    clients
        How many ask at the same time.
    each
        Requests of one client in a round.

    Returns
    -------
    target, floor : list of Round
        Without the first answer of each connection.
    """
    pairs = [(_round(floor, clients, each), _round(target, clients, each)) for _ in range(rounds)]
    return [asked for _, asked in pairs], [least for least, _ in pairs]


def _round(target: Target, count: int, each: int) -> Round:
    """Ask with all clients at the same time."""
    clients = [Client(target) for _ in range(count)]
    for client in clients:
        client.get()
    with ThreadPoolExecutor(count) as pool:
        begun = time.perf_counter()
        answers = pool.map(lambda client: [client.get() for _ in range(each)], clients)
        gathered = [answer for some in answers for answer in some]
        took_s = time.perf_counter() - begun
    for client in clients:
        client.close()
    return Round(gathered, took_s)
