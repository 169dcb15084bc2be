"""Tells Claude the time. The smallest plugin there is: copy it to begin one of your own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from botkit import ToolError, hookimpl


@hookimpl
def register_tools(register: Callable[..., None]) -> None:
    """Offer the tool. Its docstring and annotations are what Claude knows of it."""
    register(current_time)


def current_time(timezone: str | None = None) -> str:
    """Tell the current date, time and day of the week.

    :param timezone: An IANA time zone, such as "Europe/Berlin". Without one, UTC.
    """
    try:
        now = datetime.now(ZoneInfo(timezone) if timezone else UTC)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ToolError(f"There is no time zone {timezone!r}; give an IANA name, such as Europe/Berlin.") from error
    return f"{now:%A} {now.isoformat(timespec='seconds')}"
