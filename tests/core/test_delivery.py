"""A reply grows, and is whole in the end."""

from __future__ import annotations

import asyncio
import math

import pytest

from botkit.delivery import VOID
from botkit.errors import DeliveryError
from botkit.markdown import split
from tests.channels import FENCE, FakeChannel, FakeStream, deliver
from tests.clocks import in_no_time, now


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
