from __future__ import annotations

import re
from collections.abc import Sequence
from typing import SupportsIndex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from botkit.markdown import Cursor, heal, paginate, split

COMMONMARK = MarkdownIt("commonmark")
untimed = settings(deadline=None)  # a busy machine is no failure
LIMITS = st.sampled_from([100, 140, 300])

# --- Texts as a model writes them: blocks, nested as Markdown says.
WORDS = st.lists(
    st.sampled_from(["alpha", "beta,", "gamma.", "https://example.org/x", "`code`", "**bold**", "Ünïcödé"]),
    min_size=1,
    max_size=30,
).map(" ".join)
CODE_LINES = st.lists(
    st.sampled_from(["x = 1", "", "    deep(y)", "# comment", "``", "- z", "q" * 25, "w" * 170]),
    min_size=1,
    max_size=12,
)
FENCES = st.builds(
    lambda marker, info, lines: [marker + info, *lines, marker],
    st.sampled_from(["```", "~~~", "~~~~~"]),
    st.sampled_from(["", "python", "rust ignore"]),
    CODE_LINES,
)
NESTING_FENCES = CODE_LINES.map(lambda lines: ["````markdown", "```sh", *lines, "```", *lines, "````"])
TABLES = st.lists(st.sampled_from(["| a | b |", "| cell | another cell |"]), min_size=1, max_size=12)
PLAIN = st.one_of(WORDS.map(lambda words: [words]), WORDS.map(lambda words: [f"## {words}"]), TABLES)
BULLETS = st.lists(WORDS, min_size=1, max_size=6).map(lambda items: [f"- {item}" for item in items])
LEAVES = st.one_of(PLAIN, BULLETS, FENCES, NESTING_FENCES)


def quoted(block: Sequence[str]) -> list[str]:
    return [f"> {line}" for line in block]


def listed(blocks: Sequence[Sequence[str]]) -> list[str]:
    lines = [line for block in blocks for line in ("", *block)][1:]
    return [f"1. {lines[0]}", *(f"   {line}" if line else "" for line in lines[1:])]


BLOCKS = st.recursive(LEAVES | LEAVES.map(quoted), lambda inner: st.lists(inner, min_size=1, max_size=3).map(listed))
TEXTS = st.lists(BLOCKS, min_size=1, max_size=5).map(
    lambda blocks: "\n\n".join("\n".join(block) for block in blocks) + "\n"
)
# --- And texts that nobody would write.
NOISE = st.lists(
    st.sampled_from(["```py\n", "```\n", "~~~~\n", "\n> ```\n", "- ```sh\n", "`", "``", "~", "**", "# H\n", "> "])
    | st.sampled_from(["foo ", "x" * 30, "End. ", "。", "e\u0301", "\u200d", "- item ", "1. ", "\n", "\n\n", "\r\n"])
    | st.sampled_from(["\t", "    ", " " * 15]),
    max_size=60,
).map("".join)
ANY_LIMIT = st.integers(1, 100)


def without_space(text: str) -> str:
    return re.sub(r"\s", "", text)


def tokens(markdown: str) -> list[Token]:
    return COMMONMARK.parse(markdown)


def code_of(markdown: str) -> str:
    return "".join(token.content for token in tokens(markdown) if token.type == "fence")


def leaves_open(markdown: str) -> bool:
    """Whether a reader of the page would take what comes after it for code."""
    last = [token for token in tokens(f"{markdown}\n\nafter\n") if token.content][-1]
    return last.type != "inline"


class TestEveryText:
    @untimed
    @given(NOISE | TEXTS, ANY_LIMIT)
    def test_no_page_is_blank_or_over_the_limit(self, text: str, limit: int) -> None:
        assert all(page.strip() and len(page) <= limit for page in split(text, limit))

    @untimed
    @given((NOISE | TEXTS).map(lambda text: re.sub("[`~]", "", text)), ANY_LIMIT)
    def test_without_code_the_pages_hold_exactly_the_text(self, text: str, limit: int) -> None:
        assert without_space("".join(split(text, limit))) == without_space(text)

    @untimed
    @given(NOISE | TEXTS, ANY_LIMIT)
    def test_with_code_no_character_is_lost(self, text: str, limit: int) -> None:
        rest = iter(without_space("".join(split(text, limit))))
        kept = re.sub(r"[\s`~]", "", text)
        assert all(character in rest for character in kept)

    @untimed
    @given(TEXTS, LIMITS)
    def test_no_page_leaves_a_fence_open(self, text: str, limit: int) -> None:
        assert not [page for page in split(text, limit) if leaves_open(page)]

    @untimed
    @given(TEXTS, LIMITS)
    def test_what_is_code_stays_code(self, text: str, limit: int) -> None:
        assert without_space("".join(code_of(page) for page in split(text, limit))) == without_space(code_of(text))

    @untimed
    @given(NOISE | TEXTS, ANY_LIMIT, st.data())
    def test_all_pages_but_the_last_stay_while_the_text_grows(self, text: str, limit: int, data: st.DataObject) -> None:
        earlier = split(text[: data.draw(st.integers(0, len(text)))], limit)
        assert split(text, limit)[: len(earlier[:-1])] == earlier[:-1]

    @untimed
    @given(NOISE | TEXTS, ANY_LIMIT, st.data())
    def test_paging_goes_on_from_any_page(self, text: str, limit: int, data: st.DataObject) -> None:
        pages = list(paginate(text, limit))
        known = data.draw(st.integers(0, len(pages)))
        start = pages[known - 1].end if known else Cursor()
        assert list(paginate(text, limit, start)) == pages[known:]

    @untimed
    @given(NOISE | TEXTS)
    def test_a_text_that_fits_stays_as_it_is(self, text: str) -> None:
        assert "".join(split(text, len(text) + 1)).strip() == text.strip()


class TestBreaks:
    @pytest.mark.parametrize(
        ("text", "limit", "pages"),
        [
            ("one two.\n\nthree\nfour five", 20, ["one two.\n\nthree", "four five"]),
            ("first paragraph\n\nsecond one here", 24, ["first paragraph", "second one here"]),
            ("- first item\n  goes on\n- second item", 30, ["- first item\n  goes on", "- second item"]),
            ("a line\nanother line\nand a third", 24, ["a line\nanother line", "and a third"]),
            ("One is done. Two is not", 20, ["One is done.", "Two is not"]),
            ("一句完了。第二句还没有结束", 8, ["一句完了。", "第二句还没有结束"]),
            ("some words here", 12, ["some words", "here"]),
            ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
            (
                "# Title\n\nSome text\n\n# Next\n\nMore text here",
                32,
                ["# Title\n\nSome text", "# Next\n\nMore text here"],
            ),
            ("| a |\n|---|\n| b |\n| c |", 18, ["| a |\n|---|\n| b |", "| c |"]),
            ("tiny\n\n" + "word " * 6, 20, ["tiny\n\nword word word", "word word word"]),
            ("one word - not", 9, ["one", "word -", "not"]),
            ("a list of things:\n\n    - deep\n    - deeper\n", 32, ["a list of things:", "- deep\n- deeper"]),
        ],
    )
    def test_they_are_where_a_reader_wants_them(self, text: str, limit: int, pages: list[str]) -> None:
        assert split(text, limit) == pages

    def test_characters_of_several_code_points_stay_whole(self) -> None:
        family = "👩\u200d👩\u200d👧"
        assert split("e\u0301" * 5, 3) == ["e\u0301"] * 5
        assert split(family * 2, 7) == [family] * 2
        assert split("👍🏽👍🏽", 3) == ["👍🏽"] * 2

    def test_a_blank_text_has_no_pages(self) -> None:
        assert split("", 10) == split(" \n\t\n", 10) == []

    def test_a_page_must_hold_something(self) -> None:
        with pytest.raises(ValueError, match="at least 1"):
            split("text", 0)


class TestCode:
    def test_it_is_closed_and_opened_again_with_its_info_string(self) -> None:
        assert split("```python\na = 1\nb = 2\nc = 3\n```\nDone", 28) == [
            "```python\na = 1\nb = 2\n```",
            "```python\nc = 3\n```\nDone",
        ]

    def test_an_inner_fence_stays_text(self) -> None:
        assert split("````md\n```sh\nls\n```\nand more text\n````", 30) == [
            "````md\n```sh\nls\n```\n````",
            "````md\nand more text\n````",
        ]

    def test_in_a_list_it_goes_on_without_the_indent(self) -> None:
        text = "- item\n\n  ~~~\n  a = 1\n    b = 2\n  ~~~\n- next"
        assert split(text, 28) == ["- item\n\n  ~~~\n  a = 1\n  ~~~", "~~~\n  b = 2\n~~~\n- next"]

    def test_in_a_quote_it_stays_in_the_quote(self) -> None:
        assert split("> ```\n> one line\n> two line\n> ```", 26) == [
            "> ```\n> one line\n> ```",
            "> ```\n> two line\n> ```",
        ]

    def test_no_page_has_an_empty_rest_of_it(self) -> None:
        text = "```\n" + "x\n" * 6 + "```\nafter"
        for limit in range(12, len(text)):
            assert not any(re.search(r"```\s+```", page) for page in split(text, limit)), limit

    def test_a_long_line_is_broken_only_where_a_page_cannot_hold_it(self) -> None:
        assert split("```\nab\ncdefghijkl\n```", 18) == ["```\nab\n```", "```\ncdefghijkl\n```"]
        assert split("```\nabcdefghijklmnop\n```", 18) == ["```\nabcdefghij\n```", "```\nklmnop\n```"]

    def test_an_info_string_that_takes_half_a_page_is_given_once(self) -> None:
        text = "```" + "i" * 12 + "\nline\nline\n```"
        assert split(text, 28) == ["```" + "i" * 12 + "\nline\n```", "```\nline\n```"]


class TestHeal:
    @pytest.mark.parametrize(
        ("growing", "shown"),
        [
            ("", ""),
            ("plain text ", "plain text"),
            ("```py\nx = 1", "```py\nx = 1\n```"),
            ("```py\nx = 1\n``", "```py\nx = 1\n```"),
            ("text\n\n```py", "text"),
            ("text\n\n```py\n", "text"),
            ("> ~~~\n> x", "> ~~~\n> x\n> ~~~"),
            ("```\nx\n```\nan **answer", "```\nx\n```\nan **answer**"),
            ("call `f(", "call `f(`"),
            ("call ``f(`", "call ``f(``"),
            ("call `", "call"),
            ("a **bold move", "a **bold move**"),
            ("a **bold `mo", "a **bold `mo`**"),
            ("a **", "a"),
            ("**bold** and `code`", "**bold** and `code`"),
            ("2 ** 3 is 8", "2 ** 3 is 8"),
            ("in `a ** b` as", "in `a ** b` as"),
            ("a \\` escaped", "a \\` escaped"),
            ("- **left open\n- and closed", "- **left open\n- and closed"),
        ],
    )
    def test_what_is_half_open_is_closed(self, growing: str, shown: str) -> None:
        assert heal(growing) == shown

    @untimed
    @given(TEXTS, st.data())
    def test_no_beginning_of_a_text_leaves_anything_open(self, text: str, data: st.DataObject) -> None:
        healed = heal(text[: data.draw(st.integers(0, len(text)))])
        assert not leaves_open(healed or "nothing yet")
        assert heal(healed) == healed


class CountingText(str):
    """A text that counts the characters taken out of it."""

    __slots__ = ("taken",)
    taken: int

    def __getitem__(self, key: SupportsIndex | slice[SupportsIndex | None]) -> str:
        part = super().__getitem__(key)
        self.taken += len(part)
        return part


@pytest.mark.parametrize(
    "unit",
    ["Some words of a text.\n\n", "```py\nx = 1\n\n```\n", "x", " ", "\n", "`", "~~~\n", "> ", "- a\n", "x " * 99],
)
def test_the_work_grows_with_the_text_and_no_faster(unit: str) -> None:
    def work(length: int) -> int:
        text = CountingText((unit * (length // len(unit) + 1))[: length - 1] + "x")
        text.taken = 0
        list(paginate(text, 500))
        return text.taken

    assert work(100_000) <= 12 * work(10_000) + 5_000
