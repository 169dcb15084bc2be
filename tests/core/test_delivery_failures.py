"""A platform that fails, forgets, or is gone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import pytest

from botkit.delivery import PATIENCE, TRIES, Delivery
from botkit.errors import DeliveryError, TurnLost
from botkit.markdown import split
from botkit.retry import RetryPolicy
from tests.channels import FENCE, FakeChannel, FakeStream, deliver
from tests.clocks import approx, in_no_time, now


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
