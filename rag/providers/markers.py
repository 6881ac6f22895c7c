"""Citations that a chat model writes as [n.m] markers, read from its stream: passage n, sentence m, both from 1."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rag.providers import BlockEnd, Cite, Passage, Text

_ITEM = r"\d{1,3}\s*\.\s*\d{1,4}(?:\s*[-–—]\s*(?:\d{1,3}\s*\.\s*)?\d{1,4})?"
_MARK = rf"[\[［【]\s*{_ITEM}(?:\s*[,，;；、]\s*{_ITEM})*\s*[\]］】]"
_RUN = re.compile(rf"[ \t]*(?P<marks>{_MARK}(?:[ \t]*{_MARK})*)(?P<stop>[.。!?！？…,，;；:：]*)")
_ONE = re.compile(r"(\d+)\s*\.\s*(\d+)(?:\s*[-–—]\s*(?:(\d+)\s*\.\s*)?(\d+))?")
_BEGUN = re.compile(r"[ \t]*(?:[\[［【][\d\s.,，;；、\-–—]{0,200})?$")  # what may yet become a marker, or the blank before one
_BREAK = re.compile(r"(?:[.!?][\"”’)*_]*[ \t]+|[。！？][”’」』）]*[ \t]*|\n\s*)(?=\S)")
_NO_END = re.compile(r"(?:\b(?:[A-Z]|Inc|Corp|Ltd|Co|No|vs|Mr|Mrs|Ms|Dr|Fig|approx|e\.g|i\.e|U\.S)|(?:^|\n)[\s>*-]*\d{1,3})\.\s+$")
_REACH = 16  # characters looked back, for a sentence's end that came in two pieces


class MarkerReader:
    """Turns pieces of text into the events of an answer. One reader reads one answer.

    A marker covers the sentence it ends; a sentence without one ends its block uncited. Markers that point nowhere are left out.
    """

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.dropped = 0  # markers that pointed nowhere
        self._passages = passages
        self._held = ""  # not yet emitted: it may be part of a marker
        self._block = ""  # emitted since the last block end

    def feed(self, text: str) -> Iterator[Text | Cite | BlockEnd]:
        self._held += text
        yield from self._read(final=False)

    def end(self) -> Iterator[Text | Cite | BlockEnd]:
        yield from self._read(final=True)
        if self._block:
            self._block = ""
            yield BlockEnd()

    def _read(self, *, final: bool) -> Iterator[Text | Cite | BlockEnd]:
        run = _RUN.search(self._held)
        while run and (final or not _BEGUN.match(self._held, run.end())):
            yield from self._plain(self._held[: run.start()])
            self._held = self._held[run.end() :]
            yield from self._cited(run)
            run = _RUN.search(self._held)
        pending = run or (None if final else _BEGUN.search(self._held))
        cut = pending.start() if pending else len(self._held)
        plain, self._held = self._held[:cut], self._held[cut:]
        yield from self._plain(plain)

    def _plain(self, text: str) -> Iterator[Text | BlockEnd]:
        """Text without markers; a sentence that ends in it ends its block once the next one begins."""
        known = len(self._block)
        seen, start = self._block + text, 0  # start: where the block begins in what is seen
        for match in _BREAK.finditer(seen, max(0, known - _REACH)):
            if match.end() < known or _NO_END.search(seen[start : match.end()]):
                continue
            if match.end() > max(start, known):
                yield Text(text=seen[max(start, known) : match.end()])
            if seen[start : match.end()].strip():
                yield BlockEnd()
            start = match.end()
        if max(start, known) < len(seen):
            yield Text(text=seen[max(start, known) :])
        self._block = seen[start:]

    def _cited(self, run: re.Match[str]) -> Iterator[Text | Cite | BlockEnd]:
        cites = list(self._cites(run["marks"]))
        if not self._block.strip():  # there is no sentence that it could end
            self.dropped += len(cites)
            cites = []
        if run["stop"]:
            yield Text(text=run["stop"])
            self._block += run["stop"]
        if cites:
            yield from cites
            yield BlockEnd()
            self._block = ""

    def _cites(self, marks: str) -> Iterator[Cite]:
        """One Cite per sentence, so that each quote stands verbatim in the text."""
        seen = set()
        for number, first, other, last in _ONE.findall(marks):
            passage, low, high = int(number) - 1, int(first) - 1, int(last or first)
            known = 0 <= passage < len(self._passages) and other in ("", number)
            if not known or not 0 <= low < high <= len(self._passages[passage].sentences):
                self.dropped += 1
                continue
            for at in range(low, high):
                if (passage, at) not in seen:
                    seen.add((passage, at))
                    yield Cite(passage=passage, first=at, last=at + 1, quote=self._passages[passage].sentences[at])
