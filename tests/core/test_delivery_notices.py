"""What a channel is told beside the text: how the turn is coming along, and that it failed."""

from __future__ import annotations

import asyncio

import pytest

from botkit.adapter import Progress, ToolFinished, ToolStarted
from botkit.delivery import NOTICE_WAITS
from botkit.errors import BotkitError, DeliveryError
from tests.channels import FakeChannel, FakeStream, deliver
from tests.clocks import approx, in_no_time, now

CALLED = ToolStarted("t1", "clock", {})
DONE = ToolFinished("t1", "clock", failed=False)
ERROR = BotkitError("the quota is used up")


class Noticing(FakeStream):
    """Keeps each notice with what people saw above it."""

    def __init__(self, *, edit_interval: float = 1.0, latency: float = 0.01) -> None:
        super().__init__(edit_interval=edit_interval, latency=latency)
        self.seen: list[tuple[Progress, list[str]]] = []
        self.refusals: list[Exception] = []

    async def progress(self, progress: Progress, /) -> None:
        if self.refusals:
            raise self.refusals.pop()
        self.seen.append((progress, self.shown))


class Mourning(FakeChannel):
    """Has a way of its own to show that there is no answer."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, Exception]] = []

    async def fail(self, sentence: str, error: Exception, /) -> None:
        self.told.append((sentence, error))


class TestShow:
    @in_no_time
    async def test_progress_reaches_a_channel_that_shows_it_at_once(self) -> None:
        channel = Noticing()
        delivery = deliver(channel)
        await delivery.show(CALLED)
        await delivery.show(DONE)
        assert channel.seen == [(CALLED, []), (DONE, [])]
        assert now() < 0.001

    @in_no_time
    async def test_a_channel_that_cannot_show_progress_is_left_alone(self) -> None:
        channel = FakeChannel()
        delivery = deliver(channel)
        await delivery.show(CALLED)
        await delivery.finish("Done")
        assert channel.calls == [("post", "", "Done")]

    @in_no_time
    async def test_a_channel_that_raises_does_not_stop_the_reply(self, caplog: pytest.LogCaptureFixture) -> None:
        channel = Noticing()
        channel.refusals = [KeyError("oops")]
        delivery = deliver(channel)
        delivery.write("Half, ")
        await delivery.show(CALLED)
        assert "botkit.delivery.progress_failed posts=('m1',)" in caplog.text
        assert "KeyError: 'oops'" in caplog.text
        delivery.write("and whole")
        await delivery.show(DONE)
        await delivery.finish()
        assert channel.seen == [(DONE, ["Half, and whole"])]
        assert channel.shown == ["Half, and whole"]

    @in_no_time
    async def test_what_was_written_before_a_notice_is_shown_before_it(self) -> None:
        channel = Noticing()
        delivery = deliver(channel)
        delivery.write("Let me look.")
        await delivery.show(CALLED)
        await delivery.show(DONE)
        delivery.write("\n\nIt is late.")
        await delivery.show(CALLED)
        assert channel.seen == [
            (CALLED, ["Let me look."]),
            (DONE, ["Let me look."]),
            (CALLED, ["Let me look.\n\nIt is late."]),
        ]
        await delivery.finish()

    @in_no_time
    async def test_a_notice_does_not_wait_long_for_a_slow_platform(self) -> None:
        channel = Noticing(latency=60.0)
        delivery = deliver(channel)
        delivery.write("Let me look.")
        await delivery.show(CALLED)
        assert channel.seen == [(CALLED, [])]
        assert now() == approx(NOTICE_WAITS)
        await delivery.finish()
        assert channel.shown == ["Let me look."]

    @pytest.mark.parametrize(("interval", "live"), [(float("inf"), True), (1.0, False)])
    @in_no_time
    async def test_a_notice_does_not_wait_for_a_text_that_only_finish_shows(self, interval: float, live: bool) -> None:
        channel = Noticing(edit_interval=interval)
        delivery = deliver(channel, live=live)
        delivery.write("Let me look.")
        await delivery.show(CALLED)
        assert channel.seen == [(CALLED, [])]
        assert now() < 0.001
        await delivery.finish()

    @in_no_time
    async def test_a_notice_after_the_final_text_is_shown_at_once(self) -> None:
        channel = Noticing()
        delivery = deliver(channel)
        delivery.write("Let me look.")
        await delivery.finish()
        finished_at = now()
        await delivery.show(DONE)
        assert channel.seen == [(DONE, ["Let me look."])]
        assert now() == finished_at

    @in_no_time
    async def test_a_notice_is_shown_even_if_the_text_could_not_be(self) -> None:
        channel = Noticing()
        channel.failures = [DeliveryError("no such channel", gone=True)]
        delivery = deliver(channel)
        delivery.write("Let me look.")
        await delivery.show(CALLED)
        assert channel.seen == [(CALLED, [])]
        with pytest.raises(DeliveryError, match="no such channel"):
            await delivery.finish()


class TestFail:
    @pytest.mark.parametrize("written", ["", "Half an answer"])
    @in_no_time
    async def test_a_channel_with_a_way_of_its_own_gets_sentence_and_error_and_no_post(self, written: str) -> None:
        channel = Mourning()
        delivery = deliver(channel)
        delivery.write(written)
        await delivery.fail("Sorry.", ERROR)
        await asyncio.sleep(10)
        assert channel.told == [("Sorry.", ERROR)]
        assert channel.calls == []

    @in_no_time
    async def test_it_keeps_what_it_showed_already(self) -> None:
        channel = Mourning()
        delivery = deliver(channel)
        delivery.write("Half")
        await asyncio.sleep(0.5)
        delivery.write(" an answer")
        await delivery.fail("Sorry.", ERROR)
        await asyncio.sleep(10)
        assert channel.told == [("Sorry.", ERROR)]
        assert channel.shown == ["Half"]

    @pytest.mark.parametrize("shown", [True, False])
    @pytest.mark.parametrize("platform", [FakeChannel, FakeStream])
    @in_no_time
    async def test_any_other_channel_gets_the_sentence_after_what_was_written(
        self, platform: type[FakeChannel], shown: bool
    ) -> None:
        channel = platform()
        delivery = deliver(channel, live=shown)
        delivery.write("Half an answer\n")
        await asyncio.sleep(5)
        await delivery.fail("Sorry.", ERROR)
        assert channel.shown == ["Half an answer\n\nSorry."]
        assert delivery.text == "Half an answer\n\nSorry."

    @pytest.mark.parametrize("written", ["", "\n\n"])
    @pytest.mark.parametrize("platform", [FakeChannel, FakeStream])
    @in_no_time
    async def test_without_a_text_the_sentence_stands_alone(self, platform: type[FakeChannel], written: str) -> None:
        channel = platform()
        delivery = deliver(channel)
        delivery.write(written)
        await delivery.fail("Sorry.", ERROR)
        assert channel.calls == [("post", "", "Sorry.")]

    @in_no_time
    async def test_what_was_voided_is_not_in_it(self) -> None:
        channel = FakeChannel()
        delivery = deliver(channel)
        delivery.write("Kept.")
        delivery.checkpoint()
        delivery.write(" Void.")
        await asyncio.sleep(5)
        delivery.restart()
        await delivery.fail("Sorry.", ERROR)
        assert channel.shown == ["Kept.\n\nSorry."]

    @in_no_time
    async def test_it_raises_what_finish_raises(self) -> None:
        channel = FakeChannel()
        channel.failures = [DeliveryError("no such channel", gone=True)]
        with pytest.raises(DeliveryError, match="no such channel"):
            await deliver(channel).fail("Sorry.", ERROR)

    @in_no_time
    async def test_after_the_final_text_a_channel_with_a_way_of_its_own_is_told(self) -> None:
        channel = Mourning()
        delivery = deliver(channel)
        await delivery.finish("Done")
        await delivery.fail("Sorry.", ERROR)
        assert channel.told == [("Sorry.", ERROR)]
        assert channel.calls == [("post", "", "Done")]

    @pytest.mark.parametrize("platform", [FakeChannel, FakeStream])
    @in_no_time
    async def test_after_the_final_text_no_other_channel_is_told(self, platform: type[FakeChannel]) -> None:
        channel = platform()
        delivery = deliver(channel)
        await delivery.finish("Done")
        await delivery.fail("Sorry.", ERROR)
        assert channel.calls == [("post", "", "Done")]
        assert delivery.text == "Done"

    @pytest.mark.parametrize("platform", [FakeChannel, Mourning])
    @in_no_time
    async def test_a_final_text_that_could_not_be_shown_is_not_followed_by_a_sentence(
        self, platform: type[FakeChannel]
    ) -> None:
        channel = platform()
        channel.failures = [DeliveryError("no such channel", gone=True)]
        delivery = deliver(channel)
        with pytest.raises(DeliveryError, match="no such channel") as caught:
            await delivery.finish("Done")
        await delivery.fail("Sorry.", caught.value)
        assert channel.verbs == ["post"]
        if isinstance(channel, Mourning):
            assert channel.told == [("Sorry.", caught.value)]


class TestFinishing:
    @in_no_time
    async def test_it_is_so_from_the_moment_that_finish_is_called(self) -> None:
        delivery = deliver(FakeChannel())
        delivery.write("Done")
        await asyncio.sleep(5)
        assert not delivery.finishing
        finish = asyncio.create_task(delivery.finish("Done, and more"))
        await asyncio.sleep(0.05)
        assert delivery.finishing
        assert not finish.done()
        await finish
        assert delivery.finishing

    @in_no_time
    async def test_it_stays_so_when_finish_fails(self) -> None:
        channel = FakeChannel()
        channel.failures = [DeliveryError("no such channel", gone=True)]
        delivery = deliver(channel)
        with pytest.raises(DeliveryError):
            await delivery.finish("Done")
        assert delivery.finishing

    @in_no_time
    async def test_closing_alone_is_no_finish(self) -> None:
        delivery = deliver(FakeChannel())
        delivery.write("Half")
        await delivery.aclose()
        assert not delivery.finishing

    @in_no_time
    async def test_a_failure_told_as_a_post_is_one_and_in_the_channels_own_way_is_none(self) -> None:
        posted, told = deliver(FakeChannel()), deliver(Mourning())
        await posted.fail("Sorry.", ERROR)
        await told.fail("Sorry.", ERROR)
        assert posted.finishing
        assert not told.finishing
