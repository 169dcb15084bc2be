"""Refusals in the Messages API's own shape.

Types and statuses are those of the API's public error page; the wording of a message is quoted from
reports of the real thing where one is known, and is a plain sentence where none is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botkit.testing.claude.blocks import Json

_KINDS: dict[int, tuple[str, str]] = {
    400: ("invalid_request_error", "Invalid request"),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "Your credit balance is too low to access the API."),
    403: ("permission_error", "Your API key does not have permission to use the specified resource."),
    404: ("not_found_error", "Not found"),
    408: ("timeout_error", "Request timeout"),
    409: ("conflict_error", "The request conflicts with the current state of a resource."),
    413: ("request_too_large", "Request exceeds the maximum size"),
    422: ("invalid_request_error", "The request was well formed but could not be processed."),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit."),
    500: ("api_error", "Internal server error"),
    502: ("api_error", "Bad gateway"),
    503: ("api_error", "Service unavailable"),
    504: ("timeout_error", "Request timed out"),
    529: ("overloaded_error", "Overloaded"),
}


class ApiError(Exception):
    """The API answers a request with an error. `type` and `message` default to what goes with the status."""

    def __init__(
        self,
        status: int,
        message: str | None = None,
        *,
        type: str | None = None,  # noqa: A002 - the API's own name for this field
        error_code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        usual_type, usual_message = _KINDS.get(status, ("api_error", f"HTTP status {status}"))
        self.status = status
        self.type = type or usual_type
        self.message = message or usual_message
        self.error_code = error_code
        self.headers = dict(headers or {})
        super().__init__(f"{status} {self.type}: {self.message}")

    def body(self, request_id: str) -> Json:
        """The JSON body that carries this error."""
        error: Json = {"type": self.type, "message": self.message}
        if self.error_code is not None:
            error["details"] = {"error_code": self.error_code}
        return {"type": "error", "error": error, "request_id": request_id}


def invalid(message: str) -> ApiError:
    """A 400: the request is not what the API takes."""
    return ApiError(400, message)


def status_of(error_type: str) -> int:
    """The status that usually goes with an error type; 500 for one that is not known."""
    return next((status for status, (kind, _) in _KINDS.items() if kind == error_type), 500)


def usual_message(error_type: str) -> str:
    """The words that usually go with an error type."""
    return _KINDS.get(status_of(error_type), ("", "Error"))[1]
