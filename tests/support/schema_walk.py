"""Walk through an OpenAPI document: ask every operation what fits its schema and what does not."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from tests.support.hostile_world import CALLERS, World
from tests.support.live_api import LiveApi

AnyCase = Case[Any]

ANSWER_CHECKS = (
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
)
FORESEEN = ("urn:skyshelf:problem:", '{"detail"', '{"message"')
"""How an answer of status 503 begins that says what is away, or damaged."""

SLOW = ("/login/", "/api-token-auth/")
"""A password is looked at here, which is slow by intent: one caller is enough."""


@dataclass
class Walk:
    """What was asked of a mount, and what was wrong with the answers."""

    live: LiveApi
    world: World
    mount: str
    examples: int
    asked: Counter[str] = field(default_factory=Counter)
    flaws: dict[str, str] = field(default_factory=dict)

    def go(self) -> None:
        """Ask every operation."""
        for operation in self._operations():
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                self._ask_operation(operation, mode)

    def _operations(self) -> Iterator[Any]:
        """Give the operations of the mount's document."""
        url = self.live.url + self.mount
        document = requests.get(f"{url}/openapi.json", timeout=30).json()
        schema = schemathesis.openapi.from_dict({**document, "servers": [{"url": url}]})
        for each in schema.get_all_operations():
            assert isinstance(each, Ok), each
            yield each.ok()

    def _ask_operation(self, operation: Any, mode: GenerationMode) -> None:  # noqa: ANN401  # untyped there
        """Ask one operation with generated values, the same ones at every run."""
        chance = random.Random(operation.label)  # noqa: S311  # a test, to be repeated

        def ask(case: AnyCase) -> None:
            self._ask(case, mode, chance)

        decorate: Callable[[Any], Any] = settings(
            max_examples=self.examples,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        run = decorate(given(operation.as_strategy(generation_mode=mode))(ask))  # type: ignore[no-untyped-call]  # of hypothesis
        try:
            seed(5)(run)()
        except Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE, operation.label  # nothing can be wrong there

    def _ask(self, case: AnyCase, mode: GenerationMode, chance: random.Random) -> None:
        """Send a case as everybody."""
        callers = CALLERS[:1] if case.path in SLOW else CALLERS
        for caller in callers:
            if mode is GenerationMode.POSITIVE:
                self._aim(case, caller, chance)
            sent = case.as_transport_kwargs(
                base_url=self.live.url + self.mount, headers=self._headers(caller)
            )
            answer = requests.request(**sent, timeout=60)
            self.asked[case.operation.label] += 1
            self._judge(case, caller, answer)
            if case.path == "/revoke_token/" and answer.ok:
                self.live.run(self.world.renew_tokens())

    def _aim(self, case: AnyCase, caller: str, chance: random.Random) -> None:
        """Put the number of something that exists into the path, and of something to be deleted."""
        if "frame_id" not in case.path_parameters:
            return
        is_fatal = case.method.upper() == "DELETE" and caller in {"staff", "superuser"}
        doomed = self.live.run(self.world.a_doomed_frame()) if is_fatal else 0
        case.path_parameters["frame_id"] = doomed or chance.choice(self.world.frame_ids)

    def _headers(self, caller: str) -> dict[str, str]:
        token = self.world.tokens.get(caller)
        return {} if token is None else {"Authorization": f"Token {token}"}

    def _judge(self, case: AnyCase, caller: str, answer: requests.Response) -> None:
        """Note what is wrong with an answer, once for each kind of flaw."""
        response = schemathesis.Response.from_requests(answer, verify=False)
        is_foreseen = answer.status_code == 503 and answer.text.find(FORESEEN[0]) in range(20)
        is_foreseen |= answer.status_code == 503 and answer.text.startswith(FORESEEN[1:])
        wanted = ANSWER_CHECKS if is_foreseen else (not_a_server_error, *ANSWER_CHECKS)
        try:
            case.validate_response(response, checks=list(wanted))
        except (BaseExceptionGroup, Failure) as error:
            found = error.exceptions if isinstance(error, BaseExceptionGroup) else [error]
            for each in found:
                if not (
                    type(each).__name__ == "AcceptedNegativeData" and _is_lenient(case, answer)
                ):
                    self._note(case, caller, answer, each)

    def _note(self, case: AnyCase, caller: str, answer: requests.Response, flaw: object) -> None:
        where = f"{self.mount} {case.operation.label} {type(flaw).__name__} {answer.status_code}"
        request = answer.request
        body = repr(request.body)[:500]
        self.flaws.setdefault(
            where, f"{caller}: {request.method} {request.url} {body} -> {answer.text[:500]} {flaw}"
        )


def _is_lenient(case: AnyCase, answer: requests.Response) -> bool:
    """Say whether the contracts want an answer to what the schema does not have.

    An empty value of a query counts as not given, unknown fields of forms are passed over, and the
    upload tells of bad files in an answer of status 200.
    """
    query = (answer.request.url or "").partition("?")[2]
    has_empty = any(not each.partition("=")[2] for each in query.split("&"))
    return (bool(query) and has_empty) or case.path == "/frames/create/"
