"""The text of a reply while it grows."""

from __future__ import annotations

from botkit.markdown import Cursor, paginate

__all__ = ["Draft"]


class Draft:
    """`text` so far, and the pages of at most `limit` characters that it makes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = 0
        self.replace("")

    def write(self, text: str) -> None:
        """Add to the text."""
        self.text += text

    def checkpoint(self) -> None:
        """Keep what was written so far, whatever `restart` comes later."""
        self._kept = len(self.text)

    def restart(self) -> None:
        """Void what was written since the last checkpoint."""
        self.replace(self.text[: self._kept])

    def replace(self, text: str) -> None:
        """Make it another text."""
        self.text = text
        self._full: list[str] = []
        self._end_of_full = Cursor()

    def pages(self) -> list[str]:
        """Return what each message of the reply is to show."""
        # Pages that are full never change, so that only the text behind them is looked at again.
        pages = list(paginate(self.text, self._limit, self._end_of_full))
        if len(pages) > 1:
            self._full += [page.text for page in pages[:-1]]
            self._end_of_full = pages[-2].end
        return [*self._full, *(page.text for page in pages[-1:])]
