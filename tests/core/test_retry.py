"""How long a failed call waits, how often it is made again, and whom it asks."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.errors import ModelError
from botkit.retry import Attempts, RetryPolicy

FOREVER = math.inf
NO_JITTER = RetryPolicy(jitter=0)

policies = st.builds(
    RetryPolicy,
    first=st.floats(0, 10),
    factor=st.floats(1, 10),
    longest=st.floats(0, 60),
    jitter=st.floats(0, 1),
)
shares = st.floats(0, 1, exclude_max=True)
attempts = st.integers(1, 100_000)


def failed(kind: str = "server", *, transient: bool = True, retry_after: float | None = None) -> ModelError:
    return ModelError(kind, kind=kind, sentence="", transient=transient, retry_after=retry_after)


def test_waits_double_up_to_the_longest() -> None:
    assert [NO_JITTER.delay(n, None, 0.5) for n in range(1, 8)] == [0.5, 1, 2, 4, 8, 8, 8]


@given(policies, attempts, shares)
def test_a_wait_is_never_negative_and_never_over_the_longest(policy: RetryPolicy, attempt: int, share: float) -> None:
    assert 0 <= policy.delay(attempt, None, share) <= policy.longest


@given(policies, attempts, st.floats(0, 10_000), shares)
def test_what_the_server_asks_for_is_never_undercut(
    policy: RetryPolicy, attempt: int, retry_after: float, share: float
) -> None:
    wait = policy.delay(attempt, retry_after, share)
    assert wait >= retry_after
    assert wait <= max(retry_after, policy.longest) + policy.longest * policy.jitter


def test_jitter_spreads_the_waits_by_its_share() -> None:
    policy = RetryPolicy(first=4, jitter=0.25)
    assert policy.delay(1, None, 0.0) == 4
    assert policy.delay(1, None, 0.999) == pytest.approx(3, abs=0.01)


def test_a_final_failure_is_not_tried_again() -> None:
    assert Attempts(NO_JITTER, ["a"], FOREVER).after(failed(transient=False), 0) is None


def test_attempts_are_counted() -> None:
    course = Attempts(NO_JITTER, ["a"], FOREVER)
    assert course.number == 1
    course.after(failed(), 0)
    course.after(failed(), 0)
    assert course.number == 3


def test_there_is_no_attempt_that_could_not_begin_before_the_deadline() -> None:
    assert Attempts(NO_JITTER, ["a"], deadline=10).after(failed(), now=9.4) == 0.5
    assert Attempts(NO_JITTER, ["a"], deadline=10).after(failed(), now=9.6) is None


def test_a_wait_that_the_server_asks_for_counts_only_within_the_deadline() -> None:
    assert Attempts(NO_JITTER, ["a"], deadline=300).after(failed("rate_limit", retry_after=60), 0) == 60
    assert Attempts(NO_JITTER, ["a"], deadline=300).after(failed("rate_limit", retry_after=3600), 0) is None


def test_another_model_is_asked_after_two_overloads_in_a_row() -> None:
    course = Attempts(NO_JITTER, ["a", "b", "c"], FOREVER)
    models = [course.model]
    for _ in range(7):
        course.after(failed("overloaded"), 0)
        models.append(course.model)
    assert models == ["a", "a", "b", "b", "c", "c", "a", "a"]


def test_overloads_that_do_not_follow_each_other_change_no_model() -> None:
    course = Attempts(NO_JITTER, ["a", "b"], FOREVER)
    for kind in ("overloaded", "server", "overloaded", "server"):
        course.after(failed(kind), 0)
    assert course.model == "a"


def test_what_one_model_asks_for_does_not_hold_up_the_next() -> None:
    course = Attempts(NO_JITTER, ["a", "b"], FOREVER)
    assert course.after(failed("overloaded", retry_after=30), 0) == 30
    assert course.after(failed("overloaded", retry_after=30), 0) == 1


@pytest.mark.parametrize("kind", ["connection", "incomplete"])
def test_connections_that_keep_failing_are_given_up(kind: str) -> None:
    course = Attempts(NO_JITTER, ["a"], FOREVER)
    waits = [course.after(failed(kind), 0) for _ in range(NO_JITTER.breaks)]
    assert waits[-2:] == [8, None]


def test_a_failure_of_the_api_is_tried_again_until_the_deadline() -> None:
    course = Attempts(NO_JITTER, ["a"], FOREVER)
    assert all(course.after(failed("server"), 0) is not None for _ in range(100))
