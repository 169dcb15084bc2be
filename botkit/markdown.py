"""Markdown in pages: splitting a long reply into messages, and closing what a growing one leaves open.

Pure and linear. A page is decided by the text that fits into it and one character more, so that pages stay as they
are while a text grows, and each is looked at once.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

__all__ = ["Cursor", "Fence", "Page", "heal", "paginate", "split"]

_ITEM = re.compile(r"[ \t]*+(?:[-*+]|\d{1,9}[.)])[ \t]")
_CONTAINERS = r"(?:[ \t]*+(?:>|(?:[-*+]|\d{1,9}[.)])(?=[ \t]|$)))*+[ \t]*+"
_MARKERS = re.compile(_CONTAINERS + r"(?:#{1,6}[ \t]++)?+")
_HEADING = re.compile(r"[ \t]*+#{1,6}[ \t]")
_FENCE = re.compile(r"(?P<lead>" + _CONTAINERS + r")(?P<marker>`{3,}+(?=[^`]*$)|~{3,}+)(?P<info>.*)")
# What begins a page must not turn into a list, a heading, a quote or a fence by that.
_NO_BLOCK = r"(?!(?:[-*+>]|#{1,6}|\d{1,9}[.)])(?:[ \t]|$)|`{3}|~{3})"
_SENTENCE_END = re.compile(r"(?:[.!?…][\"'”’)\]*_]*+(?=[ \t])|[。！？][」』”’]*+)[ \t]*+" + _NO_BLOCK)  # noqa: RUF001 - CJK
_WORD_END = re.compile(r"(?<=\S)[ \t]++" + _NO_BLOCK)
_NOT_SPACE = re.compile(r"\S")
_INLINE = re.compile(r"\\.|`++|\*\*(?!\s)|(?<=\S)\*\*", re.DOTALL)

_LONGEST_CHARACTER = 32  # in code points


@dataclass(frozen=True, slots=True)
class Fence:
    """An open code fence. `quote` and `indent` stand before `marker`; a list marker there counts as spaces."""

    marker: str
    info: str = ""
    quote: str = ""
    indent: str = ""

    @property
    def closer(self) -> str:
        """The line that closes it."""
        return f"{self.quote}{self.indent}{self.marker}"

    def closed_by(self, line: str) -> bool:
        """Whether `line` closes it: as many of the same character or more, nothing else, not indented as code."""
        body = line.removeprefix(self.quote)
        run = body.strip()
        indent = len(body) - len(body.lstrip())
        return len(run) >= len(self.marker) and not run.strip(self.marker[0]) and indent <= len(self.indent) + 3

    def left_by(self, line: str) -> bool:
        """Whether `line` ends the quote that the fence is in, and the fence by that."""
        return bool(self.quote and line.strip()) and not line.lstrip().startswith(">")


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins: an offset into the text, and the code fence that is open there."""

    offset: int = 0
    fence: Fence | None = None


_START = Cursor()


@dataclass(frozen=True, slots=True)
class Page:
    """One page. `end` is where the page after it begins."""

    text: str
    end: Cursor


def split(markdown: str, limit: int) -> list[str]:
    """Split a text into pages of at most `limit` characters that together hold all of it.

    Breaks between blocks where that leaves a page at least half full, else between list items, lines, sentences,
    words, and inside a word or a line of code only where nothing else is left. Whitespace around a break goes; a
    page that begins inside an indented block loses that indent. A code fence that goes on is closed and opened
    again with its info string (without, where it takes half a page; a marker that takes a quarter is just text).
    What the text itself leaves open at its end stays open: see `heal`. A blank text has no pages.

    All pages but the last stay the same, whatever is appended to the text. Raises ValueError if `limit` is below 1.
    """
    return [page.text for page in paginate(markdown, limit)]


def paginate(markdown: str, limit: int, start: Cursor = _START) -> Iterator[Page]:
    """Yield the pages of `split` from `start` on.

    For a growing text, go on from the `end` of any page that was not the last one.
    """
    if limit < 1:
        raise ValueError(f"a page cannot hold {limit} characters; give a limit of at least 1")
    end = len(markdown.rstrip())
    cursor = _skip_blank(markdown, start, limit)
    while cursor.offset < end:
        page = _page(markdown, cursor, end, limit)
        # Only the very first page may begin with indented code: later ones begin inside a list.
        yield page if start == _START else Page(_dedent(page.text, _begins_line(markdown, cursor.offset)), page.end)
        start = page.end
        cursor = _skip_blank(markdown, start, limit)


def heal(markdown: str) -> str:
    """Close what a text that is still growing leaves open, so that it shows as it will once it is whole.

    Closes a code fence, inline code and bold, and leaves out a marker at the end with nothing behind it yet. The
    answer may be longer than the text by these markers.
    """
    lines = _settled_lines(markdown.rstrip())
    body = markdown[: lines[-1].end].rstrip() if lines else ""
    if lines and (fence := lines[-1].after):
        return f"{body}\n{fence.closer}"
    block = max((_block_start(line) for line in lines), default=0)
    return body[:block] + _heal_inline(body[block:])


@dataclass(frozen=True, slots=True)
class _Line:
    """One line, without its end, and the code fence that is open before and after it."""

    start: int
    text: str
    before: Fence | None
    after: Fence | None

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def blank(self) -> bool:
        return not self.text.strip()

    @property
    def opens(self) -> bool:
        return self.after is not None and self.before is None


def _lines(markdown: str, fence: Fence | None, longest_fence: int) -> Iterator[_Line]:
    start = 0
    for text in markdown.split("\n"):
        before = None if fence and fence.left_by(text) else fence
        fence = _fence_after(text, before, longest_fence)
        yield _Line(start, text, before, fence)
        start += len(text) + 1


def _fence_after(line: str, fence: Fence | None, longest: int) -> Fence | None:
    if fence:
        return None if fence.closed_by(line) else fence
    if not (found := _FENCE.match(line)):
        return None
    quote, arrow, indent = re.sub(r"[^>\s]", " ", found["lead"]).rpartition(">")
    opened = Fence(found["marker"], found["info"].rstrip(), quote + arrow, indent)
    return opened if len(opened.closer) <= longest else None


class _Rank(IntEnum):
    """How good a place is for a break."""

    INSIDE = 0
    WORD = 1
    SENTENCE = 2
    LINE = 3
    ITEM = 4
    BLOCK = 5


@dataclass(frozen=True, slots=True)
class _Break:
    """A place where a page may end: it holds what is before `stop`, and the next one begins at `resume`."""

    rank: _Rank
    stop: int
    resume: int
    fence: Fence | None


def _page(markdown: str, start: Cursor, end: int, limit: int) -> Page:
    head = _head(start.fence, limit)
    lead = _lead(markdown, start)
    room = limit - len(head)
    if len(lead) + end - start.offset <= room:
        return Page(head + lead + markdown[start.offset : end], Cursor(end))
    window = lead + markdown[start.offset : start.offset + room + 1 - len(lead)]
    breaks = _breaks(window, start.fence, room, limit // 4)
    best = max(breaks, key=lambda at: (at.rank > _Rank.INSIDE, at.stop >= room // 2, at.rank, at.stop))
    piece = window[: best.stop]
    return Page(head + piece + _tail(piece, best.fence), Cursor(start.offset + best.resume - len(lead), best.fence))


def _head(fence: Fence | None, limit: int) -> str:
    if not fence:
        return ""
    opener = fence.closer + fence.info
    return (opener if 2 * len(opener) <= limit else fence.closer) + "\n"


def _lead(markdown: str, start: Cursor) -> str:
    """What a line of code has to begin with again, if the page begins inside it."""
    return start.fence.quote + start.fence.indent if start.fence and not _begins_line(markdown, start.offset) else ""


def _tail(piece: str, fence: Fence | None) -> str:
    if not fence:
        return ""
    return fence.closer if piece.endswith("\n") else "\n" + fence.closer


def _breaks(window: str, fence: Fence | None, room: int, longest_fence: int) -> Iterator[_Break]:
    """Yield the places where the page that begins with `window` may end. There is always one.

    Lines are read as the platform will read them, also the first where the page begins in the middle of one.
    """
    above: _Line | None = None
    filled = 0  # the end of what is not blank
    gap = False
    for line in _lines(window, fence, longest_fence):
        if above:
            stop = line.start if line.before else filled
            if stop + len(_tail("\n", line.before)) <= room:
                yield _Break(_rank(line, above, gap=gap), stop, line.start, line.before)
        yield from _breaks_inside(window, line, room)
        gap = line.blank
        if not line.blank:
            filled = line.start + len(line.text.rstrip())
        if line.before or not line.blank:
            above = line


def _rank(line: _Line, above: _Line, *, gap: bool) -> _Rank:
    """How good it is to break between two lines. `gap` says that blank ones are between them."""
    if line.before:
        return _Rank.INSIDE if above.opens else _Rank.LINE
    if _HEADING.match(above.text) and not _HEADING.match(line.text):
        return _Rank.WORD  # a heading stays with what it heads
    if gap or above.before or line.opens or _HEADING.match(line.text):
        return _Rank.BLOCK
    return _Rank.ITEM if _ITEM.match(line.text) else _Rank.LINE


def _breaks_inside(window: str, line: _Line, room: int) -> Iterator[_Break]:
    """Yield the places within a line that is too long for the rest of the page."""
    most = room - len(_tail("", line.after))
    if not line.start < most < line.end or (line.before != line.after and line.start):
        return
    low = line.end - len(_MARKERS.sub("", line.text, count=1))
    if line.after:
        space = window.rfind(" ", max(low, (line.start + most) // 2), most)
        stop = _between_characters(window, low, space + 1 or most)
        yield _Break(_Rank.INSIDE, stop, stop, line.after)
        return
    for rank, pattern in (_Rank.SENTENCE, _SENTENCE_END), (_Rank.WORD, _WORD_END):
        for found in pattern.finditer(window, low, most + 1):
            stop = found.start() + len(found[0].rstrip())
            if stop <= most:
                yield _Break(rank, stop, found.end(), None)
    stop = _between_characters(window, low, most)
    yield _Break(_Rank.INSIDE, stop, stop, None)


def _between_characters(window: str, low: int, stop: int) -> int:
    """Find the last place from `stop` down to `low` that parts no character, or `stop` where there is none."""
    for at in range(stop, max(low, stop - _LONGEST_CHARACTER), -1):
        if not _joined(window[at - 1], window[at]):
            return at
    return stop


def _joined(before: str, after: str) -> bool:
    return (
        before == "\u200d"  # zero width joiner
        or unicodedata.category(after) in {"Mn", "Mc", "Me", "Cf", "Cs", "Sk"}  # Sk: skin tones
        or after in "`~"  # would become a fence, or end one, at the start of a page
    )


def _skip_blank(markdown: str, start: Cursor, limit: int) -> Cursor:
    """Move over what no page begins with: blank lines, and the end of a fence that is closed already."""
    found = _NOT_SPACE.search(markdown, start.offset)
    if not found:
        return Cursor(len(markdown))
    line_start = max(start.offset, markdown.rfind("\n", start.offset, found.start()) + 1)
    if not start.fence:
        indent = found.start() - line_start
        return Cursor(found.start() if indent > limit // 4 else line_start)
    if not _begins_line(markdown, line_start):
        return start
    line = markdown[line_start : line_start + limit].partition("\n")[0].rstrip()
    line_end = line_start + len(line)
    if start.fence.left_by(line):
        return Cursor(line_start)
    # Behind more blank lines than a page holds, the end is left alone: there may have been pages before it came.
    if start.fence.closed_by(line) and line_end - start.offset <= limit - len(_head(start.fence, limit)):
        return _skip_blank(markdown, Cursor(line_end), limit)
    return start


def _begins_line(markdown: str, offset: int) -> bool:
    return offset == 0 or markdown[offset - 1] == "\n"


def _dedent(page: str, whole_lines: bool) -> str:
    """Take the indent of the first whole line from all lines; once one has less, only that much from the rest."""
    lines = page.split("\n")
    width = len(page)
    for index, line in enumerate(lines):
        if line.strip() and (index or whole_lines):
            width = min(width, len(line) - len(line.lstrip(" \t")))
        lines[index] = line[width:] if index or whole_lines else line.lstrip(" \t")
    return "\n".join(lines)


def _settled_lines(body: str) -> list[_Line]:
    """Return the lines up to the last that shows something: not half a fence, nor one with nothing in it yet."""
    lines = list(_lines(body, None, len(body)))
    if (fence := lines[-1].after) and not lines[-1].text.strip().strip(fence.marker[0]):
        lines.pop()
    while lines and (lines[-1].blank or lines[-1].opens):
        lines.pop()
    return lines


def _block_start(line: _Line) -> int:
    """Where the block that this line belongs to begins, as far as the line itself tells."""
    if line.before or line.blank:
        return line.end
    return line.start if _ITEM.match(line.text) or _HEADING.match(line.text) else 0


def _heal_inline(block: str) -> str:
    """Close inline code and bold in the last block."""
    code = bold = ""
    behind = 0  # where the text after the last open marker begins
    for token in _INLINE.finditer(block):
        if token[0][0] == "`" and code in {"", token[0]}:
            code = "" if code else token[0]
            behind = token.end() if code else behind
        elif token[0] == "**" and not code:
            bold = "" if bold else "**"
            behind = token.end() if bold else behind
    if (code or bold) and behind == len(block):
        return _heal_inline(block[: -len(code or bold)].rstrip())
    return (block.rstrip("`") if code else block) + code + bold
