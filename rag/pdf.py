"""PDF bytes -> pages and elements, one page's picture, or a copy without its password; each in a sandbox (rag.sandbox).

PDFium is C++ code fed with files from strangers: it may crash or hang, and is not thread-safe. So it runs in a process of its own (rag.reader,
rag.pdfium), with an empty environment (no key, no address of the database). A page that ends it, or takes too long, is told as
unreadable, and reading goes on with the next page in a new process.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from rag.confined import DOCUMENT, UNLOCKED, USUAL, WORDS, Limits, picture_of
from rag.errors import NeedsPassword, RecognitionFailed, UnreadableDocument, WrongPassword
from rag.layout import Element
from rag.legibility import Need, better
from rag.ocr import DOUBTFUL, Recognised, Recogniser
from rag.page import Page, PageDraft, packed
from rag.sandbox import ChildEnded, Message, Sandbox, scratch_folder
from rag.words import Bookmark, Span

log = logging.getLogger(__name__)

OPEN_SECONDS = 60.0
RENDER_SECONDS = 20.0
MOST_DEATHS = 20  # of children that read one document, or pages that text recognition fails on; what follows is not tried

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What a document tells before a page of it is read."""

    page_count: int
    title: str  # from its metadata, unchecked
    author: str
    bookmarks: tuple[Bookmark, ...]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A document as read."""

    title: str  # from its metadata, unchecked
    author: str
    bookmarks: tuple[Bookmark, ...]
    pages: tuple[Page, ...]
    elements: tuple[Element, ...]  # in reading order


class Parser:
    """A document being read, by one child process at a time; a context manager.

    Boxes are in PDF points from the bottom left of the page as displayed, so drawing one on `render`'s picture takes a flip of y and a scale.
    Entering it raises UnreadableDocument when nothing can be read: not a PDF, empty, damaged, of too many pages, or fatal to the parser;
    NeedsPassword when it is encrypted. Whatever it does raises InterruptedError when someone asked the child to stop.
    """

    opened: Opened

    def __init__(self, content: bytes | Iterable[bytes], *, limits: Limits, recogniser: Recogniser | None = None) -> None:
        self._content = content
        self._limits = limits
        self._recogniser = recogniser
        self.recognising = 0.0  # seconds that text recognition took
        self._child: Sandbox | None = None
        self._deaths = 0
        self._unrecognised = 0  # pages that text recognition failed on
        self._waited = 0.0  # seconds, for pages

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._folder = stack.enter_context(scratch_folder())
            stack.callback(self._end)
            _store(self._content, self._folder)
            self._content = b""
            said = self._twice("Opening it", OPEN_SECONDS, self._start)
            self.opened = Opened(
                page_count=said["page_count"],
                title=said["title"],
                author=said["author"],
                bookmarks=tuple(Bookmark(**record) for record in said["bookmarks"]),
            )
            self._leave = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._leave.close()

    def pages(self, *, skip: Container[int] = ()) -> Iterator[PageDraft]:
        """Each page as soon as it is read, but those in `skip`. One that cannot be read comes too, marked as unreadable and with a note."""
        left = [number for number in range(self.opened.page_count, 0, -1) if number not in skip]
        tried: set[int] = set()
        try:
            while left:
                if note := self._given_up():
                    yield _unreadable(left.pop(), note)
                    continue
                try:
                    yield from self._streamed(left)
                except ChildEnded as end:
                    self._end()
                    self._deaths += 1
                    log.warning("page %d ended the parser (%s, status %s): %s", left[-1], end.why, end.status, end)
                    if end.why == "died" and left[-1] not in tried:  # it may have been killed, by whomever, rather than crashed
                        tried.add(left[-1])
                    else:
                        yield _unreadable(left.pop(), self._given_up() or self._reason(end))
        finally:
            if left:  # the caller goes no further; what the child has told meanwhile is for nobody
                self._end()

    def reading(self, drafts: Sequence[PageDraft]) -> Reading:
        """The document of these pages. Raises UnreadableDocument."""
        return Reading(
            title=self.opened.title,
            author=self.opened.author,
            bookmarks=self.opened.bookmarks,
            pages=tuple(draft.page for draft in drafts),
            elements=self.elements(drafts),
        )

    def elements(self, drafts: Iterable[PageDraft]) -> tuple[Element, ...]:
        """What stands on these pages, in reading order. Raises UnreadableDocument."""
        with (self._folder / WORDS).open("wb") as file:
            for draft in drafts:
                file.write(len(draft.words).to_bytes(4) + draft.words)
        return self._twice("Arranging its text", self._limits.read_seconds, self._arranged)

    def _streamed(self, left: list[int]) -> Iterator[PageDraft]:
        """Pages from the end of `left`, which loses each that was told."""
        child = self._running()
        child.tell("read", pages=left[::-1], pictures=self._recogniser is not None)
        while left:
            began = time.monotonic()
            try:
                told = _answer(child, min(self._limits.page_seconds, self._limits.read_seconds - self._waited))
            finally:
                self._waited += time.monotonic() - began
            draft = PageDraft(page=_page(told.said["page"]), words=told.body)
            if self._recogniser and (need := told.said["need"]):
                child.tell("next")  # meanwhile
                draft = self._recognised(draft, need, self._recogniser)
            left.pop()
            yield draft

    def _recognised(self, own: PageDraft, need: Need, recogniser: Recogniser) -> PageDraft:
        """The page as text recognition reads it, where that serves better than what it has of its own."""
        page = own.page
        try:
            found = self._seen(page, recogniser)
        except RecognitionFailed as failed:
            self._unrecognised += 1
            marks = page.marks if page.source == "text" else (*page.marks, "unreadable")
            return replace(own, page=replace(page, note=str(failed), marks=marks))
        if not better(need, [word for sheet in own.sheets for word in sheet.words], found.sheets, found.confidence):
            note = "Text recognition found no text on the page; it may be a picture." if need == "no text" else page.note
            return replace(own, page=replace(page, note=note))
        marks = tuple(
            mark
            for mark, holds in (("garbled", need == "garbled"), ("rotated", found.turned != 0), ("doubtful", found.confidence < DOUBTFUL))
            if holds
        )
        read = replace(page, source="ocr", note="", turned=found.turned, confidence=round(found.confidence, 3), marks=marks)
        return PageDraft(page=read, words=packed(found.sheets))

    def _seen(self, page: Page, recogniser: Recogniser) -> Recognised:
        """What the picture of a page says, which is removed. Raises RecognitionFailed."""
        image = self._folder / picture_of(page.number)
        began = time.monotonic()
        try:
            if self._unrecognised >= MOST_DEATHS:
                raise RecognitionFailed(f"Text recognition was not tried: it had failed on {MOST_DEATHS} pages before.")
            return recogniser.recognise(image, page=page.number, width=page.width, height=page.height, seconds=self._limits.ocr_seconds)
        finally:
            self.recognising += time.monotonic() - began
            image.unlink(missing_ok=True)

    def _start(self) -> dict[str, Any]:
        """A new child; what it tells of the document."""
        self._child = Sandbox("rag.reader", folder=self._folder, limits=self._limits)
        return _answer(self._child, OPEN_SECONDS).said

    def _running(self) -> Sandbox:
        if self._child is None:
            self._start()
        assert self._child is not None  # noqa: S101 - just started
        return self._child

    def _end(self) -> None:
        if self._child is not None:
            self._child.close()
        self._child = None

    def _arranged(self) -> tuple[Element, ...]:
        child = self._running()
        child.tell("arrange")
        return tuple(map(_element, json.loads(_answer(child, self._limits.read_seconds).body)))

    def _twice(self, doing: str, seconds: float, work: Callable[[], T]) -> T:
        """Do it in a second child when the first one dies, which may have been killed. Raises UnreadableDocument."""
        try:
            return work()
        except ChildEnded as end:
            self._end()
            if end.why != "died":
                raise self._refusal(end, doing, seconds) from end
        try:
            return work()
        except ChildEnded as end:
            self._end()
            raise self._refusal(end, doing, seconds) from end

    def _refusal(self, end: ChildEnded, doing: str, seconds: float) -> UnreadableDocument:
        match end.why:
            case "slow":
                return UnreadableDocument(
                    f"{doing} took longer than {seconds:g} seconds and was stopped. Split the PDF and upload the parts."
                )
            case "memory":
                return UnreadableDocument(
                    f"{doing} took more than {self._limits.memory_mb:,} MB. Split the PDF, or raise SITUATE_PARSER_MB, and try again."
                )
        return UnreadableDocument(
            f"The PDF made its parser fail (status {end.status}); it is probably damaged. Print it to a new PDF and upload that."
        )

    def _reason(self, end: ChildEnded) -> str:
        match end.why:
            case "slow":
                return f"Reading the page took longer than {self._limits.page_seconds:g} seconds and was stopped."
            case "memory":
                return f"Reading the page took more than {self._limits.memory_mb:,} MB and was stopped."
        return "The page made the parser fail; it is damaged, or unpacks to more than fits into memory."

    def _given_up(self) -> str:
        """Why no further page is tried, or nothing."""
        if self._waited >= self._limits.read_seconds:
            return f"The page was not read: the document had taken {self._limits.read_seconds:g} seconds."
        if self._deaths >= MOST_DEATHS:
            return f"The page was not read: {self._deaths} times, pages before it had made the parser fail."
        return ""


def read(content: bytes, *, limits: Limits = USUAL, recogniser: Recogniser | None = None) -> Reading:
    """All of a document. Raises what Parser does."""
    with Parser(content, limits=limits, recogniser=recogniser) as parser:
        return parser.reading(list(parser.pages()))


def render(content: bytes | Iterable[bytes], page: int, *, scale: float, limits: Limits = USUAL) -> bytes:
    """One page (from 1) as PNG, upright as displayed, `scale` pixels per point. Raises UnreadableDocument, InterruptedError."""
    with scratch_folder() as folder:
        _store(content, folder)
        with Sandbox("rag.pdfium", "render", str(page), f"{scale:.4f}", folder=folder, limits=limits) as child:
            try:
                return _answer(child, RENDER_SECONDS).body
            except ChildEnded as end:
                raise UnreadableDocument(f"Page {page} cannot be shown: drawing it made the parser fail, or took too long.") from end


def unlock(content: bytes, password: str, *, limits: Limits = USUAL) -> bytes:
    """A copy that needs no password. Raises WrongPassword, and UnreadableDocument for a file that cannot be opened with any."""
    with scratch_folder() as folder:
        _store(content, folder)
        with Sandbox("rag.pdfium", "unlock", folder=folder, limits=limits) as child:
            child.tell(
                "password", password=password if password.isprintable() else ""
            )  # by its standard input: arguments and environments can be seen by others
            try:
                _answer(child, OPEN_SECONDS)
            except NeedsPassword as refusal:
                raise WrongPassword("The password does not open the PDF. Check it and try again.") from refusal
            except ChildEnded as end:
                raise UnreadableDocument(
                    "The PDF's protection cannot be taken off. Save a copy without the password and upload that."
                ) from end
        return (folder / UNLOCKED).read_bytes()


def _answer(child: Sandbox, seconds: float) -> Message:
    """What the child tells next. Raises UnreadableDocument when that is a refusal."""
    told = child.hear(seconds)
    if told.kind == "refused":
        raise (NeedsPassword if told.said["locked"] else UnreadableDocument)(told.said["sentence"])
    return told


def _store(content: bytes | Iterable[bytes], folder: Path) -> None:
    with (folder / DOCUMENT).open("wb") as file:
        file.writelines([content] if isinstance(content, bytes) else content)


def _unreadable(number: int, note: str) -> PageDraft:
    page = Page(number=number, label=str(number), width=0.0, height=0.0, source="none", note=note, marks=("unreadable",))
    return PageDraft(page=page, words=packed(()))


def _page(record: dict[str, Any]) -> Page:
    return Page(**{**record, "marks": tuple(record["marks"])})


def _element(record: dict[str, Any]) -> Element:
    return Element(**{**record, "spans": tuple(Span(*span) for span in record["spans"])})
