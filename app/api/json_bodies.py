"""JSON answers that are written without being validated again: lists are the hot path.

Their shape is documented by a model, and a test holds what is written equal to it.
"""

from collections.abc import Mapping

from pydantic_core import to_json
from starlette.responses import Response


def json_response(
    content: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Write JSON of plain values.

    Parameters
    ----------
    content
        Of dicts, lists, tuples, texts, numbers, dates and moments. Moments are ISO 8601, those in
        UTC with ``Z``, with microseconds where there are any; what is not finite is null.
    status
        HTTP status.
    headers
        Further headers; None for none.

    Returns
    -------
    Response
        The answer.
    """
    body = to_json(content, inf_nan_mode="null")
    return Response(body, status, headers, media_type="application/json")
