"""The stand-in tokenizer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from botkit.testing.claude.tokens import count, cut


@given(st.text(), st.integers(0, 50))
def test_a_cut_text_is_a_start_of_at_most_that_many_tokens(text: str, tokens: int) -> None:
    start = cut(text, tokens)
    assert text.startswith(start)
    assert count(start) <= tokens
    assert count(text) > tokens or start == text


@given(st.text(), st.text())
def test_joining_texts_never_makes_more_tokens(first: str, second: str) -> None:
    assert max(count(first), count(second)) <= count(first + second) <= count(first) + count(second)


def test_english_has_about_a_token_a_word_and_chinese_one_a_character() -> None:
    assert count("The quick brown fox jumps over the lazy dog.") == 10
    assert count("敏捷的棕色狐狸") == 7
