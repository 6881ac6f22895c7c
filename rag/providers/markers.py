"""Citations that a chat model writes as [n.m] markers, read from its stream: passage n, sentence m, both from 1."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rag.providers import BlockEnd, Cite, Passage, Text

_OPEN, _CLOSE, _DOT, _TO, _AND = r"[\[［【]", r"[\]］】]", r"[.．]", r"[-–—~～]", r"[,，;；、]"
_ITEM = rf"\d{{1,3}}\s*{_DOT}\s*\d{{1,4}}(?:\s*{_TO}\s*(?:\d{{1,3}}\s*{_DOT}\s*)?\d{{1,4}})?"
_ONE = re.compile(rf"(\d+)\s*{_DOT}\s*(\d+)(?:\s*{_TO}\s*(?:(\d+)\s*{_DOT}\s*)?(\d+))?")
_BEGUN = re.compile(rf"[ \t]*(?:{_OPEN}[\d\s.．,，;；、\-–—~～]{{0,200}})?$")  # what may yet become a marker, or the blank before one
_WORD = r"(?<![A-Za-z0-9_)])"  # a[1] is an index
_NUMBERED = re.compile(
    rf"(?:{_OPEN}(?=\s*\d{{1,3}}\s*{_DOT}\s*\d)|{_WORD}{_OPEN}(?=\s*\d{{1,3}}(?!\d)))(\s*\d[\d\s.．,，;；、\-–—~～]*)({_CLOSE}?)"
)
_BREAK = re.compile(r"(?:[.!?][\"”’)*_]*[ \t]+|[。！？][”’」』）]*[ \t]*|\n\s*)(?=\S)")
_NO_END = re.compile(r"(?:\b(?:[A-Z]|Inc|Corp|Ltd|Co|No|vs|Mr|Mrs|Ms|Dr|Fig|approx|e\.g|i\.e|U\.S)|(?:^|\n)[\s>*-]*\d{1,3})\.\s+$")
_REACH = 16  # characters looked back, for a sentence's end that came in two pieces
_NOWHERE = Cite(passage=-1, first=0, last=0, quote="")


def unmarked(text: str) -> str:
    """A document's text in which nothing reads as a marker: numbers in square brackets stand in round ones."""
    return _NUMBERED.sub(lambda found: f"({found[1]}{')' if found[2] else ''}", text)


class MarkerReader:
    """Turns pieces of text into the events of an answer. One reader reads one answer.

    A marker covers the sentence it ends; a sentence without one ends its block uncited. A marker that names no sentence (a passage alone,
    one that is not there) is passed on as a claim that points nowhere, which the verifier drops and counts.
    """

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = passages
        self._held = ""  # not yet read: it may be part of a marker
        self._before = ""  # the last character that was read
        self._block = ""  # emitted since the last block end
        alone = "|".join(str(number) for number in range(len(passages), 0, -1)) or "(?!)"  # the number of a passage
        item = rf"(?:{_ITEM}|(?:{alone})(?!\d|\s*{_DOT}))"
        mark = rf"(?:{_WORD}|(?={_OPEN}\s*{_ITEM})){_OPEN}\s*{item}(?:\s*{_AND}\s*{item})*\s*{_CLOSE}"
        self._run = re.compile(rf"[ \t]*(?P<marks>{mark}(?:[ \t]*{mark})*)(?P<stop>[.。!！?？…,，;；:：]*)")

    def feed(self, text: str) -> Iterator[Text | Cite | BlockEnd]:
        self._held += text
        yield from self._read(final=False)

    def end(self) -> Iterator[Text | Cite | BlockEnd]:
        yield from self._read(final=True)
        if self._block:
            self._block = ""
            yield BlockEnd()

    def _read(self, *, final: bool) -> Iterator[Text | Cite | BlockEnd]:
        run = self._next()
        while run and (final or not _BEGUN.match(run.string, run.end())):
            yield from self._plain(self._taken(run.start() - len(self._before)))
            self._taken(len(run[0]))
            yield from self._cited(run)
            run = self._next()
        pending = run.start() - len(self._before) if run else len(self._held)
        if not final and (begun := _BEGUN.search(self._held)):
            pending = min(pending, begun.start())
        yield from self._plain(self._taken(pending))

    def _next(self) -> re.Match[str] | None:
        """The next markers in what is held, looked for with the character before it in sight."""
        return self._run.search(self._before + self._held, len(self._before))

    def _taken(self, count: int) -> str:
        """So many characters of what is held, which then are read."""
        taken, self._held = self._held[:count], self._held[count:]
        self._before = taken[-1:] or self._before
        return taken

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
            cites = [_NOWHERE for _ in cites]
        if run["stop"]:
            yield Text(text=run["stop"])
            self._block += run["stop"]
        yield from cites
        if any(cite is not _NOWHERE for cite in cites):
            yield BlockEnd()
            self._block = ""

    def _cites(self, marks: str) -> Iterator[Cite]:
        """One Cite per sentence, so that each quote stands verbatim in the text."""
        seen = set()
        for named in re.split(rf"{_CLOSE}\s*{_OPEN}|{_AND}", marks):
            found = _ONE.search(named)
            number, first, other, last = found.groups() if found else ("0", "0", None, None)
            passage, low, high = int(number) - 1, int(first) - 1, int(last or first)
            known = 0 <= passage < len(self._passages) and other in (None, number)
            if not known or not 0 <= low < high <= len(self._passages[passage].sentences):
                yield _NOWHERE
                continue
            for at in range(low, high):
                if (passage, at) not in seen:
                    seen.add((passage, at))
                    yield Cite(passage=passage, first=at, last=at + 1, quote=self._passages[passage].sentences[at])
