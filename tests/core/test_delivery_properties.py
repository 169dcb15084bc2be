"""Whatever is written and whatever fails, the platform ends up with the final text."""

from __future__ import annotations

import asyncio
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from botkit.delivery import TRIES, VOID
from botkit.errors import DeliveryError
from botkit.markdown import split
from tests.channels import FakeChannel, FakeStream, deliver
from tests.clocks import in_no_time

untimed = settings(deadline=None)  # a busy machine is no failure
PIECES = st.sampled_from(
    ["word ", "sentence. ", "\n", "\n\n", "```py\n", "```\n", "- item\n", "**", "`", "x" * 30, "  ", "# H\n"]
)
FAILURES = st.sampled_from(
    [None, None, DeliveryError("no"), DeliveryError("wait", retry_after=2.0), ValueError("unexpected")]
)
STEPS = st.one_of(PIECES.map(lambda piece: ("write", piece)), st.sampled_from(["checkpoint", "restart", "pause"]))


@untimed
@given(
    platform=st.sampled_from([FakeChannel, FakeStream]),
    interval=st.sampled_from([0.0, 0.7, math.inf]),
    recovered=st.integers(0, 3),
    steps=st.lists(STEPS, max_size=60),
    failures=st.lists(FAILURES, max_size=TRIES - 1),
    given_text=st.none() | st.lists(PIECES, max_size=20).map("".join),
)
@in_no_time
async def test_whatever_happens_the_platform_ends_up_with_the_final_text_once(
    platform: type[FakeChannel],
    interval: float,
    recovered: int,
    steps: list[str | tuple[str, str]],
    failures: list[Exception | None],
    given_text: str | None,
) -> None:
    channel = platform(max_length=40, edit_interval=interval)
    channel.messages = {f"old{n}": "old" for n in range(recovered)}
    channel.failures = list(failures)
    delivery = deliver(channel, posts=tuple(channel.messages))
    written = kept = ""
    for step in steps:
        match step:
            case "checkpoint":
                delivery.checkpoint()
                kept = written
            case "restart":
                delivery.restart()
                written = kept
            case "pause":
                await asyncio.sleep(0.3)
            case (_, piece):
                delivery.write(piece)
                written += piece
    await delivery.finish(given_text)
    pages = split(written if given_text is None else given_text, 40)
    assert channel.shown == pages + [VOID] * (len(channel.messages) - len(pages))
    assert tuple(channel.messages) == delivery.posts
    assert not delivery.posts[recovered:] or channel.records[-1] == delivery.posts
