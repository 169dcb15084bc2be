"""A reply that is closed or cancelled leaves nothing behind."""

from __future__ import annotations

import asyncio

import pytest

from botkit.delivery import GRACE
from botkit.errors import DeliveryError
from botkit.markdown import split
from tests.channels import FENCE, FakeChannel, FakeStream, deliver
from tests.clocks import approx, in_no_time, now


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
