"""The error tree.

    BotkitError
    ├── ConfigError              a setting is wrong: names the key, where it stands, and the cure
    ├── StoreError               the database refused
    │   ├── DatabaseUnavailable  it cannot be opened, reached or written
    │   ├── DatabaseTooNew       a newer botkit wrote it
    │   ├── ConversationNotFound
    │   └── TurnLost             somebody else has taken this turn over
    ├── PluginError              a plugin cannot be loaded, or broke a rule of the door
    ├── AdapterUnavailable       no such adapter, or its extra is not installed
    ├── MessageTooLong           the newest exchange alone is over the token budget
    ├── TurnGivenUp              a turn was attempted too often
    ├── TooManyToolCalls         Claude called tools round after round without an answer
    ├── ModelError               Claude did not answer
    ├── ToolError                a tool says in plain words why it cannot
    └── DeliveryError            the platform refused a post or an edit

`str(error)` is for the operator: what happened, and what to do about it. `error.sentence` is for the person
in the chat: short, without internals, never with a secret.
"""

from __future__ import annotations

__all__ = [
    "AdapterUnavailable",
    "BotkitError",
    "ConfigError",
    "ConversationNotFound",
    "DatabaseTooNew",
    "DatabaseUnavailable",
    "DeliveryError",
    "MessageTooLong",
    "ModelError",
    "PluginError",
    "StoreError",
    "TooManyToolCalls",
    "ToolError",
    "TurnGivenUp",
    "TurnLost",
]


class BotkitError(Exception):
    """Anything that botkit itself reports."""

    sentence: str = "Something went wrong on my side."


class ConfigError(BotkitError):
    """A setting is missing, misspelt or has a wrong value."""


class StoreError(BotkitError):
    """The database could not do what was asked."""

    sentence = "I could not reach my memory just now."


class DatabaseUnavailable(StoreError):
    """The database cannot be opened, reached or written."""


class DatabaseTooNew(StoreError):
    """The database has a schema that only a newer botkit knows."""


class ConversationNotFound(StoreError):
    """No conversation has this id."""


class TurnLost(StoreError):
    """The turn was taken over by another worker; whatever this one had to write was rolled back."""


class PluginError(BotkitError):
    """A plugin cannot be loaded, or answered a hook with something that the hook does not allow."""


class AdapterUnavailable(BotkitError):
    """An adapter was asked for that is not installed, or whose extra is missing."""


class MessageTooLong(BotkitError):
    """The newest exchange does not fit into the token budget, whatever else is left out."""

    def __init__(self, tokens: int, budget: int) -> None:
        super().__init__(
            f"the newest exchange has about {tokens:,} tokens and the budget is {budget:,}; "
            "raise [history] budget, or send it in parts"
        )
        self.sentence = (
            f"That is too long for me: about {tokens:,} tokens, and I can take {budget:,}. Please send it in parts."
        )


class TurnGivenUp(BotkitError):
    """A turn was begun as often as is allowed and never came to an end."""

    sentence = "I tried to answer this several times and could not. Please ask again, perhaps in other words."


class TooManyToolCalls(BotkitError):
    """Claude called tools as many rounds as is allowed and did not answer."""

    sentence = "I kept using tools without coming to an answer, so I stopped. Please ask for less at once."


class ModelError(BotkitError):
    """Claude did not answer.

    `kind` is the row of the table in `failures.py`; `transient` says that trying again may help;
    `retry_after` is the wait that the server asked for, in seconds; `request_id` is Anthropic's.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: str,
        sentence: str,
        transient: bool = False,
        retry_after: float | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.sentence = sentence
        self.transient = transient
        self.retry_after = retry_after
        self.request_id = request_id


class ToolError(BotkitError):
    """Raised by a tool: its text reaches the model as it is, so it says in plain words what to do instead."""


class DeliveryError(BotkitError):
    """The platform refused a post or an edit.

    `retry_after` is the wait that the platform asked for, in seconds. `gone` says that the message or the
    channel no longer exists, so that trying again is of no use.
    """

    sentence = "I could not post my answer."

    def __init__(self, message: str, *, retry_after: float | None = None, gone: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.gone = gone
