from __future__ import annotations

import asyncio
import logging
import math
import selectors
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any, ParamSpec

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botkit.delivery import GRACE, PATIENCE, TRIES, VOID, Delivery
from botkit.errors import DeliveryError, TurnLost
from botkit.markdown import split
from botkit.retry import RetryPolicy

P = ParamSpec("P")

approx = partial(pytest.approx, abs=0.001)

FENCE = "Look:\n\n```python\n" + "print('one more line')\n" * 12 + "```\n\nThat was it."


class JumpingSelector(selectors.SelectSelector):
    """Time stands still while there is work, and jumps ahead when everybody waits."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("everybody waits, and nothing will ever wake them")
        self.now += max(timeout, 1e-9)  # as a real clock: it never stands still for long
        return []


class JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._clock = JumpingSelector()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now


def in_no_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a test on a clock that jumps, and see that it leaves no task behind."""

    async def watched(*args: P.args, **kwargs: P.kwargs) -> None:
        await test(*args, **kwargs)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=JumpingLoop) as runner:
            runner.run(watched(*args, **kwargs))

    return run


def now() -> float:
    return asyncio.get_running_loop().time()


class RuleBroken(BaseException):
    """Not an Exception: a delivery would take that for a failure of the platform, and try again."""


def obey(kept: object, rule: str) -> None:
    if not kept:
        raise RuleBroken(rule)


class FakeChannel:
    """A platform that holds messages, takes time, insists on its rules, and fails when told to."""

    def __init__(self, *, max_length: int = 100, edit_interval: float = 1.0, latency: float = 0.1) -> None:
        self.max_length = max_length
        self.edit_interval = edit_interval
        self.latency = latency
        self.messages: dict[str, str] = {}
        self.calls: list[tuple[str, str, str]] = []
        self.times: list[float] = []
        self.records: list[tuple[str, ...]] = []
        self.failures: list[Exception | None] = []
        self.in_flight = 0

    async def record(self, ids: Sequence[str]) -> None:
        obey(not self.in_flight, "recorded before more is sent")
        self.records.append(tuple(ids))

    @contextmanager
    def _flight(self, verb: str, message_id: str, text: str) -> Iterator[None]:
        obey(not self.in_flight, "one request in flight")
        obey(len(text) <= self.max_length, "no more than a message holds")
        self.calls.append((verb, message_id, text))
        self.times.append(now())
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1

    async def _answer(self, message_id: str = "") -> None:
        await asyncio.sleep(self.latency)
        if self.failures and (failure := self.failures.pop(0)):
            raise failure
        if message_id and message_id not in self.messages:
            raise DeliveryError("unknown message", gone=True)

    async def post(self, markdown: str) -> str:
        obey(markdown.strip(), "no empty message")
        with self._flight("post", "", markdown):
            await self._answer()
            return self._created(markdown)

    def _created(self, markdown: str) -> str:
        message_id = f"m{sum(verb in {'post', 'begin'} for verb, _, _ in self.calls)}"
        self.messages[message_id] = markdown
        return message_id

    async def edit(self, message_id: str, markdown: str) -> None:
        obey(markdown.strip(), "no empty message")
        with self._flight("edit", message_id, markdown):
            await self._answer(message_id)
            self.messages[message_id] = markdown

    @property
    def shown(self) -> list[str]:
        return list(self.messages.values())

    @property
    def verbs(self) -> list[str]:
        return [verb for verb, _, _ in self.calls]


class FakeStream(FakeChannel):
    """One that shows messages growing; it refuses what does not belong to an open one."""

    def __init__(self, *, max_length: int = 100, edit_interval: float = 1.0, latency: float = 0.1) -> None:
        super().__init__(max_length=max_length, edit_interval=edit_interval, latency=latency)
        self.open: set[str] = set()

    async def begin(self) -> str:
        with self._flight("begin", "", ""):
            await self._answer()
            message_id = self._created("")
            self.open.add(message_id)
            return message_id

    async def append(self, message_id: str, markdown: str) -> None:
        with self._flight("append", message_id, markdown):
            await self._answer(message_id)
            obey(message_id in self.open, "only an open stream grows")
            self.messages[message_id] += markdown
            obey(len(self.messages[message_id]) <= self.max_length, "no more than a message holds")

    async def restart(self, message_id: str) -> None:
        with self._flight("restart", message_id, ""):
            await self._answer(message_id)
            obey(message_id in self.open, "only an open stream grows")
            self.messages[message_id] = ""

    async def end(self, message_id: str, markdown: str) -> None:
        with self._flight("end", message_id, markdown):
            await self._answer(message_id)
            obey(message_id in self.open, "only an open stream ends")
            self.open.remove(message_id)
            self.messages[message_id] = markdown

    async def edit(self, message_id: str, markdown: str) -> None:
        obey(message_id not in self.open, "an open stream is not edited")
        await super().edit(message_id, markdown)


def deliver(channel: FakeChannel, **options: Any) -> Delivery:
    return Delivery(channel, channel.record, **({"retry": RetryPolicy(jitter=0.0)} | options))


class TestGrowing:
    @in_no_time
    async def test_the_first_text_is_posted_at_once_and_recorded_before_more_is_sent(self) -> None:
        channel = FakeChannel()
        delivery = deliver(channel)
        delivery.write("Hel")
        delivery.write("lo")
        await asyncio.sleep(0.15)
        assert (channel.shown, channel.records, delivery.posts) == (["Hello"], [("m1",)], ("m1",))
        delivery.write(" you")
        await delivery.finish()
        assert channel.shown == ["Hello you"]

    @in_no_time
    async def test_edits_keep_their_interval_and_show_the_latest_text(self) -> None:
        channel = FakeChannel(max_length=1000, edit_interval=2.0)
        delivery = deliver(channel)
        for word in range(100):
            delivery.write(f"{word} ")
            await asyncio.sleep(0.1)
        await delivery.finish("the end")
        assert channel.verbs == ["post", *["edit"] * (len(channel.calls) - 1)]
        assert all(later - earlier > 1.999 for earlier, later in zip(channel.times, channel.times[1:], strict=False))
        assert 5 <= len(channel.calls) <= 7
        assert channel.calls[1][2].endswith("20")
        assert channel.shown == ["the end"]

    @in_no_time
    async def test_a_slow_platform_never_holds_the_producer_up(self) -> None:
        channel = FakeChannel(latency=60.0)
        delivery = deliver(channel)
        for _ in range(20):
            delivery.write("word ")
            await asyncio.sleep(0)
        assert now() < 0.001
        await delivery.finish()
        assert channel.shown == [("word " * 20).strip()]

    @in_no_time
    async def test_what_is_half_open_shows_closed(self) -> None:
        channel = FakeChannel(edit_interval=0.0)
        delivery = deliver(channel)
        delivery.write("Code:\n\n```py\nx = 1")
        await asyncio.sleep(1)
        assert channel.shown == ["Code:\n\n```py\nx = 1\n```"]
        delivery.write("\n```\nand **bo")
        await asyncio.sleep(1)
        assert channel.shown == ["Code:\n\n```py\nx = 1\n```\nand **bo**"]
        await delivery.finish()
        assert channel.shown == ["Code:\n\n```py\nx = 1\n```\nand **bo"]

    @in_no_time
    async def test_blank_text_and_an_empty_fence_are_no_reason_to_post(self) -> None:
        channel = FakeChannel()
        delivery = deliver(channel)
        for text in (" ", "\n", "``", "`py"):
            delivery.write(text)
            await asyncio.sleep(1)
        assert channel.calls == []
        await delivery.finish("")

    @pytest.mark.parametrize(("interval", "live"), [(math.inf, True), (1.0, False)])
    @pytest.mark.parametrize("platform", [FakeChannel, FakeStream])
    @in_no_time
    async def test_whole_replies_are_sent_only_by_finish(
        self, platform: type[FakeChannel], interval: float, live: bool
    ) -> None:
        channel = platform(edit_interval=interval)
        delivery = deliver(channel, live=live)
        delivery.write("All ")
        await asyncio.sleep(100)
        delivery.write("at once")
        assert channel.calls == []
        await delivery.finish()
        assert channel.calls == [("post", "", "All at once")]
        assert channel.records == [("m1",)]

    @in_no_time
    async def test_a_channel_may_turn_to_whole_replies_while_one_grows(self) -> None:
        channel = FakeChannel()
        delivery = deliver(channel)
        delivery.write("Some")
        await asyncio.sleep(0.5)
        channel.edit_interval = math.inf
        delivery.write(" more")
        await asyncio.sleep(100)
        assert channel.shown == ["Some"]
        await delivery.finish()
        assert channel.shown == ["Some more"]


class TestLongReplies:
    @in_no_time
    async def test_a_full_page_gets_its_final_edit_before_the_next_is_posted(self) -> None:
        channel = FakeChannel(edit_interval=0.0, latency=0.01)
        delivery = deliver(channel)
        for piece in FENCE.split(" "):
            delivery.write(piece + " ")
            await asyncio.sleep(0.02)
        await delivery.finish(FENCE)
        assert channel.shown == split(FENCE, 100)
        assert channel.records == [delivery.posts[: index + 1] for index in range(len(delivery.posts))]
        last_edit_of = {message_id: index for index, (_, message_id, _) in enumerate(channel.calls)}
        posted = [index for index, verb in enumerate(channel.verbs) if verb == "post"]
        assert all(last_edit_of[f"m{n}"] < posted[n] for n in range(1, len(posted)))

    @in_no_time
    async def test_messages_that_a_shorter_text_has_no_use_for_are_voided(self) -> None:
        channel = FakeChannel()
        delivery = deliver(channel)
        delivery.write(FENCE)
        await asyncio.sleep(20)
        delivery.restart()
        await asyncio.sleep(20)
        assert len(channel.messages) > 2
        assert VOID not in channel.shown
        delivery.write("Short.")
        await delivery.finish()
        assert channel.shown == ["Short.", *[VOID] * (len(channel.messages) - 1)]


class TestRestart:
    @in_no_time
    async def test_only_what_was_written_since_the_checkpoint_is_void(self) -> None:
        channel = FakeChannel(edit_interval=0.0)
        delivery = deliver(channel)
        delivery.write("Kept. ")
        delivery.checkpoint()
        delivery.write("Void.")
        await asyncio.sleep(1)
        delivery.restart()
        assert delivery.text == "Kept. "
        await asyncio.sleep(1)
        assert channel.shown == ["Kept."]
        delivery.write("New.")
        await delivery.finish()
        assert delivery.text == "Kept. New."
        assert channel.shown == ["Kept. New."]


class TestFinish:
    @in_no_time
    async def test_a_blank_final_text_posts_nothing(self) -> None:
        channel = FakeChannel()
        await deliver(channel).finish(" \n")
        assert channel.calls == []

    @pytest.mark.parametrize("platform", [FakeChannel, FakeStream])
    @in_no_time
    async def test_a_blank_final_text_voids_what_was_shown(self, platform: type[FakeChannel]) -> None:
        channel = platform()
        delivery = deliver(channel)
        delivery.write("Hm")
        await asyncio.sleep(1)
        await delivery.finish("")
        assert channel.shown == [VOID]

    @in_no_time
    async def test_nothing_can_follow(self) -> None:
        delivery = deliver(FakeChannel())
        await delivery.finish("Done")
        with pytest.raises(RuntimeError, match="finished"):
            await delivery.finish("Done")
        with pytest.raises(RuntimeError, match="finished"):
            delivery.write("more")
        with pytest.raises(RuntimeError, match="finished"):
            delivery.restart()
        await delivery.aclose()
        assert delivery.text == "Done"

    @in_no_time
    async def test_what_is_shown_already_is_not_sent_again(self) -> None:
        channel = FakeChannel()
        delivery = deliver(channel)
        delivery.write("Done")
        await asyncio.sleep(5)
        await delivery.finish("Done")
        assert channel.verbs == ["post"]


class TestRecovery:
    @in_no_time
    async def test_an_earlier_attempt_is_edited_and_only_continued_by_new_posts(self) -> None:
        channel = FakeStream()
        channel.messages = {"old": "half an ans"}
        delivery = deliver(channel, posts=["old"])
        delivery.write("Whole")
        await asyncio.sleep(1)
        assert channel.messages == {"old": "Whole"}
        delivery.write(FENCE)
        await asyncio.sleep(10)
        await delivery.finish(FENCE)
        assert channel.shown == split(FENCE, 100)
        assert channel.verbs.count("post") == len(split(FENCE, 100)) - 1
        assert {"begin", "append", "end"}.isdisjoint(channel.verbs)
        assert channel.records[-1] == delivery.posts == tuple(channel.messages)

    @in_no_time
    async def test_a_deleted_message_is_posted_anew_and_the_order_stays(self) -> None:
        channel = FakeChannel()
        channel.messages = {"b": "second"}
        delivery = deliver(channel, posts=["a", "b"], live=False)
        await delivery.finish(FENCE)
        assert channel.shown == split(FENCE, 100)
        assert delivery.posts == tuple(channel.messages)
        assert channel.records[0] == ("b",)
        assert channel.records[-1] == delivery.posts

    @in_no_time
    async def test_a_message_deleted_while_the_reply_grows_is_posted_anew(self) -> None:
        channel = FakeChannel()
        delivery = deliver(channel)
        delivery.write("One")
        await asyncio.sleep(0.5)
        channel.messages.clear()
        delivery.write(" two")
        await delivery.finish()
        assert channel.messages == {"m2": "One two"}
        assert channel.records == [("m1",), (), ("m2",)]


class TestStreaming:
    @in_no_time
    async def test_it_begins_records_appends_what_is_new_and_ends(self) -> None:
        channel = FakeStream()
        delivery = deliver(channel)
        for piece in ("He", "llo", " you", " there"):
            delivery.write(piece)
            await asyncio.sleep(0.12)
        assert channel.records == [("m1",)]
        await delivery.finish()
        assert channel.verbs[0] == "begin"
        assert "".join(text for verb, _, text in channel.calls if verb == "append") == "Hello you there"
        assert channel.calls[-1] == ("end", "m1", "Hello you there")
        assert channel.shown == ["Hello you there"]

    @in_no_time
    async def test_a_restart_starts_the_same_message_again(self) -> None:
        channel = FakeStream()
        delivery = deliver(channel)
        delivery.write("Wrong")
        await asyncio.sleep(1)
        delivery.restart()
        await asyncio.sleep(1)
        delivery.write("Right")
        await asyncio.sleep(1)
        assert channel.verbs == ["begin", "append", "restart", "append"]
        assert channel.shown == ["Right"]
        await delivery.finish()

    @in_no_time
    async def test_a_long_reply_ends_a_full_message_and_begins_the_next(self) -> None:
        channel = FakeStream(latency=0.01)
        delivery = deliver(channel)
        for character in FENCE:
            delivery.write(character)
            await asyncio.sleep(0.01)
        await delivery.finish()
        assert channel.shown == split(FENCE, 100)
        assert channel.open == set()
        assert "edit" not in channel.verbs

    @in_no_time
    async def test_an_append_that_may_have_arrived_is_not_sent_twice(self) -> None:
        channel = FakeStream()
        delivery = deliver(channel)
        channel.failures = [None, DeliveryError("no answer")]
        delivery.write("Once")
        await asyncio.sleep(5)
        assert channel.verbs == ["begin", "append", "restart", "append"]
        await delivery.finish()


class TestFailures:
    @in_no_time
    async def test_a_failure_while_growing_only_costs_an_update(self, caplog: pytest.LogCaptureFixture) -> None:
        channel = FakeChannel()
        channel.failures = [DeliveryError("busy"), None, DeliveryError("slow down", retry_after=7.0)]
        delivery = deliver(channel)
        for _ in range(10):
            delivery.write("word ")
            await asyncio.sleep(0.5)
        await delivery.finish()
        assert channel.shown == [("word " * 10).strip()]
        assert channel.times[3] - channel.times[2] > 6.999
        assert len(channel.calls) == 4
        assert [record.message.split()[0] for record in caplog.records] == ["botkit.delivery.failed"] * 2

    @in_no_time
    async def test_failures_while_growing_do_not_count_against_the_final_text(self) -> None:
        channel = FakeChannel()
        channel.failures = [DeliveryError("busy")] * (TRIES + 2)
        delivery = deliver(channel)
        delivery.write("Here")
        await asyncio.sleep(45)
        assert len(channel.calls) > TRIES - 2
        await delivery.finish()
        assert channel.shown == ["Here"]

    @in_no_time
    async def test_the_final_text_waits_as_long_as_the_platform_asks(self) -> None:
        channel = FakeChannel(latency=0.0)
        channel.failures = [DeliveryError("slow down", retry_after=30.0)] * 3
        await deliver(channel).finish("Here")
        assert channel.times == approx([0.0, 30.0, 60.0, 90.0])
        assert channel.shown == ["Here"]

    @in_no_time
    async def test_without_a_hint_the_waits_double(self) -> None:
        channel = FakeChannel(latency=0.0)
        channel.failures = [DeliveryError("no")] * 4
        await deliver(channel, retry=RetryPolicy(first=1.0, longest=4.0, jitter=0.0)).finish("Here")
        assert channel.times == approx([0.0, 1.0, 3.0, 7.0, 11.0])

    @pytest.mark.parametrize(
        ("failure", "calls"), [(DeliveryError("no"), TRIES), (DeliveryError("wait", retry_after=50.0), 3)]
    )
    @in_no_time
    async def test_the_final_text_is_given_up_after_the_policy(self, failure: DeliveryError, calls: int) -> None:
        channel = FakeChannel()
        channel.failures = [failure] * 100
        delivery = deliver(channel)
        with pytest.raises(DeliveryError) as caught:
            await delivery.finish("Here")
        assert caught.value is failure
        assert len(channel.calls) == calls

    @in_no_time
    async def test_a_long_wait_from_before_does_not_outlast_the_patience(self) -> None:
        channel = FakeChannel(latency=0.0)
        channel.failures = [DeliveryError("wait", retry_after=3600.0)]
        delivery = deliver(channel)
        delivery.write("Here")
        await asyncio.sleep(1)
        await delivery.finish()
        assert now() == approx(1 + PATIENCE)

    @pytest.mark.parametrize("growing", [True, False])
    @in_no_time
    async def test_a_channel_that_is_gone_is_given_up_at_once(self, growing: bool) -> None:
        channel = FakeChannel()
        channel.failures = [DeliveryError("no such channel", gone=True)]
        delivery = deliver(channel, live=growing)
        delivery.write("Here")
        await asyncio.sleep(1)
        delivery.write(" and there")
        with pytest.raises(DeliveryError, match="no such channel"):
            await delivery.finish()
        assert len(channel.calls) == 1

    @in_no_time
    async def test_what_an_adapter_should_not_raise_is_a_failure_with_a_traceback(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        channel = FakeChannel()
        channel.failures = [KeyError("oops")]
        delivery = deliver(channel)
        delivery.write("Here")
        await delivery.finish()
        assert channel.shown == ["Here"]
        channel.failures = [KeyError("oops")] * 100
        with pytest.raises(DeliveryError, match="KeyError"):
            await deliver(channel, live=False).finish("There")
        assert "Traceback" in caplog.text
        assert caplog.records[0].levelno == logging.ERROR

    @pytest.mark.parametrize("growing", [True, False])
    @in_no_time
    async def test_a_reply_that_cannot_be_recorded_is_not_continued(self, growing: bool) -> None:
        async def refuse(ids: Sequence[str]) -> None:
            raise TurnLost(f"somebody else has it: {ids}")

        channel = FakeChannel()
        delivery = Delivery(channel, refuse, live=growing)
        delivery.write(FENCE)
        await asyncio.sleep(5)
        with pytest.raises(TurnLost):
            await delivery.finish()
        assert channel.verbs == ["post"]


class TestCancellation:
    @in_no_time
    async def test_closing_leaves_the_messages_as_they_are(self) -> None:
        channel = FakeChannel()
        delivery = deliver(channel)
        await delivery.aclose()
        other = deliver(channel)
        other.write("Half")
        await asyncio.sleep(0.5)
        other.write(" of it")
        await other.aclose()
        await other.aclose()
        await asyncio.sleep(10)
        assert channel.shown == ["Half"]
        with pytest.raises(RuntimeError, match="closed"):
            await other.finish()

    @in_no_time
    async def test_a_post_in_flight_ends_and_is_recorded(self) -> None:
        channel = FakeChannel(latency=2.0)
        delivery = deliver(channel)
        delivery.write("Hello")
        await asyncio.sleep(1)
        await delivery.aclose()
        assert now() == approx(2.0)
        assert channel.records == [delivery.posts] == [("m1",)]

    @in_no_time
    async def test_a_post_that_hangs_is_given_up(self) -> None:
        channel = FakeChannel(latency=3600.0)
        delivery = deliver(channel)
        delivery.write("Hello")
        await asyncio.sleep(1)
        await delivery.aclose()
        assert now() == approx(1 + GRACE)
        assert not channel.in_flight

    @pytest.mark.parametrize("moment", [0.0, 0.05, 0.5, 1.05, 1.15, 1.2, 3.0])
    @pytest.mark.parametrize("platform", [FakeChannel, FakeStream])
    @in_no_time
    async def test_a_cancelled_finish_leaves_nothing_behind(self, platform: type[FakeChannel], moment: float) -> None:
        channel = platform()
        delivery = deliver(channel)
        delivery.write("Hello")
        finishing = asyncio.create_task(delivery.finish(FENCE))
        await asyncio.sleep(moment)
        finishing.cancel()
        await asyncio.wait({finishing})
        assert finishing.cancelled() or channel.shown == split(FENCE, 100)
        assert tuple(channel.messages) == delivery.posts == (channel.records or [()])[-1]

    @pytest.mark.parametrize("ticks", range(1, 6))
    @in_no_time
    async def test_a_cancellation_is_never_lost(self, ticks: int) -> None:
        channel = FakeChannel(edit_interval=60.0)
        delivery = deliver(channel)
        delivery.write("Hello")
        await asyncio.sleep(1)
        delivery.write(" you")
        await asyncio.sleep(1)
        finishing = asyncio.create_task(delivery.finish())
        for _ in range(ticks):
            await asyncio.sleep(0)
        finishing.cancel()
        await asyncio.wait({finishing})
        assert finishing.cancelled()
        assert now() == approx(2.0)

    @in_no_time
    async def test_a_second_cancellation_does_not_wait(self) -> None:
        channel = FakeChannel(latency=3600.0)
        delivery = deliver(channel)
        finishing = asyncio.create_task(delivery.finish("Hello"))
        await asyncio.sleep(1)
        finishing.cancel()
        await asyncio.sleep(1)
        finishing.cancel()
        await asyncio.wait({finishing})
        assert finishing.cancelled()
        assert now() == approx(2.0)

    @in_no_time
    async def test_closing_after_the_writer_has_failed_says_so_in_the_log(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        channel = FakeChannel()
        channel.failures = [DeliveryError("no such channel", gone=True)]
        delivery = deliver(channel)
        delivery.write("Hello")
        await asyncio.sleep(1)
        await delivery.aclose()
        assert "botkit.delivery.stopped" in caplog.text


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
