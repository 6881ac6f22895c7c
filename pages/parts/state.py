"""What a browser session remembers, as one typed object under one key. Everything else is in the database or the address."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:
    from db.conversations import Citation, Message

KEY = "situate"

Box = tuple[int, float, float, float, float]  # (page, x0, y0, x1, y1): PDF points from the page's bottom left


@dataclass(frozen=True, kw_only=True)
class Source:
    """A passage that retrieval found, as rag.trace.Trace.as_json keeps it."""

    rank: int  # from 1
    document_id: int
    ord: int
    filename: str
    heading: str
    first_page: int
    last_page: int
    snippet: str
    stages: dict[str, tuple[int, float]]  # dense, bm25, fused, reranked -> rank and score; those that did not find it are absent

    @classmethod
    def from_json(cls, hit: dict[str, Any]) -> Source:
        return cls(
            rank=hit["rank"], document_id=hit["document_id"], ord=hit["ord"], filename=hit["document"], heading=hit["heading"],
            first_page=hit["first_page"], last_page=hit["last_page"], snippet=hit["snippet"],
            stages={stage: (int(rank), float(score)) for stage, (rank, score) in hit["stages"].items()},
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A message, its citations, and the sources it was written from."""

    message: Message
    citations: tuple[Citation, ...]
    sources: tuple[Source, ...]  # by rank; () until they are known

    def source(self, document_id: int | None, ord_: int) -> Source | None:
        return next((s for s in self.sources if (s.document_id, s.ord) == (document_id, ord_)), None)


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What the source pane shows: a passage, and in it what was cited."""

    message_id: int
    document_id: int | None  # None: the document was deleted, only the quote is left
    ord: int
    filename: str
    page: int  # turned to
    first_page: int  # where the passage or the quote begins
    quote: str = ""  # "" when a passage was opened from its card
    number: int | None = None  # of the citation
    boxes: tuple[Box, ...] = ()

    def turned_to(self, page: int) -> Opened:
        return replace(self, page=page)


@dataclass(frozen=True, kw_only=True)
class Uploaded:
    """What became of one chosen file, in a sentence."""

    filename: str
    sentence: str
    kind: str  # stored, duplicate, refused


@dataclass(kw_only=True)
class PageState:
    """One browser session."""

    conversation_id: int | None = None
    sources_of: int | None = None  # the message whose sources the pane lists; None: the latest
    opened: Opened | None = None
    in_dialog: bool = False  # the window is too narrow for a pane beside the answer
    pane_knows: int | None = None  # the message whose sources the pane was last drawn with
    polls_after_end: int = 0
    question_error: str = ""
    uploads: list[Uploaded] = field(default_factory=list)
    upload_round: int = 0  # a new uploader, empty, for each round
    not_now: set[str] = field(default_factory=set)  # what was asked and put off
    reading: int | None = None  # the document that is open page by page
    page: int = 1
    deleting: int | None = None  # the document whose deletion waits for a yes
    sources: dict[int, tuple[Source, ...]] = field(default_factory=dict)  # of each message that was shown
    settled: dict[int, Answer] = field(default_factory=dict)  # answers that will not change any more

    def close_conversation(self) -> None:
        self.opened, self.sources_of, self.pane_knows, self.question_error, self.polls_after_end = None, None, None, "", 0


def page_state() -> PageState:
    """The session's state, made on its first run."""
    held = st.session_state.get(KEY)
    if not isinstance(held, PageState):
        held = st.session_state[KEY] = PageState()
    return held
