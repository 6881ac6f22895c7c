"""PDF bytes -> pages and elements, or one page's picture; each in a child process with a time limit and a memory cap.

PDFium is C++ code fed with files from strangers: it may crash or hang, and is not thread-safe. So it runs elsewhere (rag.reader,
rag.pdfium), with an empty environment (no key, no address of the database), and is killed when it takes too long.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rag.errors import UnreadableDocument
from rag.layout import Element
from rag.words import Bookmark, Span

RENDER_SECONDS = 20.0
_REFUSED = 3  # the child's exit status when its output is the sentence to show
_STOPPED = {-signal.SIGINT, -signal.SIGTERM, -signal.SIGHUP}  # by a person or a service manager: says nothing about the file
_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page, and whether its text could be read."""

    number: int  # from 1
    label: str  # as printed in the document's own numbering: "iv", "12"
    width: float  # PDF points, as displayed
    height: float
    source: Literal["text", "none"]
    note: str  # why there is no text


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A document as read."""

    title: str  # from its metadata, unchecked
    author: str
    bookmarks: tuple[Bookmark, ...]
    pages: tuple[Page, ...]
    elements: tuple[Element, ...]  # in reading order


def _run(module: str, *arguments: str, content: bytes, seconds: float) -> bytes:
    command = [sys.executable, "-m", module, *arguments]
    try:
        done = subprocess.run(
            command,
            input=content,
            capture_output=True,
            timeout=seconds,
            cwd=_ROOT,
            env={"PYTHONUTF8": "1"},
            start_new_session=True,  # Ctrl-C in a terminal is for the one who asked
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        message = f"Reading the PDF took longer than {seconds:g} seconds and was stopped. Split it and upload the parts."
        raise UnreadableDocument(message) from error
    if done.returncode == _REFUSED:
        raise UnreadableDocument(done.stdout.decode())
    if done.returncode in _STOPPED:
        raise InterruptedError(f"The process that reads the PDF was stopped by {signal.Signals(-done.returncode).name}.")
    if done.returncode:
        raise UnreadableDocument(
            f"The PDF made its parser fail (status {done.returncode}); it is probably damaged. Print it to a new PDF and upload that."
        ) from RuntimeError(done.stderr.decode("utf-8", "replace")[-2000:])
    return done.stdout


def _element(record: dict[str, Any]) -> Element:
    return Element(**{**record, "spans": tuple(Span(*span) for span in record["spans"])})


def read(content: bytes, *, seconds: float = 300) -> Reading:
    """Read a whole PDF.

    Boxes are in PDF points from the bottom left of the page as displayed, so drawing one on `render`'s picture takes a flip of y and a scale.
    A page that fails or has no text is kept with source 'none' and a note. Raises UnreadableDocument when nothing can be read: not a PDF,
    empty, damaged, encrypted with a password, slower than `seconds`, or fatal to the parser.
    """
    result = json.loads(_run("rag.reader", content=content, seconds=seconds))
    return Reading(
        title=result["title"],
        author=result["author"],
        bookmarks=tuple(Bookmark(**record) for record in result["bookmarks"]),
        pages=tuple(Page(**record) for record in result["pages"]),
        elements=tuple(_element(record) for record in result["elements"]),
    )


def render(content: bytes, page: int, *, scale: float) -> bytes:
    """One page (from 1) as PNG, upright as displayed, `scale` pixels per point. Raises UnreadableDocument."""
    return _run("rag.pdfium", str(page), f"{scale:.4f}", content=content, seconds=RENDER_SECONDS)
