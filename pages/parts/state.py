"""What a browser session remembers, as one typed object under one key. Everything else is in the database or the address."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import streamlit as st

from db.documents import Selection

if TYPE_CHECKING:
    from concurrent.futures import Future

    from db.conversations import Citation, Message
    from pages.parts.question_collector import Offer
    from rag.connections import Tried
    from rag.inspection import Inspection, Key
    from rag.suggestions import Suggestion
    from rag.usage import Spending
    from rag.whole import Offer as WholeOffer

KEY = "situate"
T = TypeVar("T")

Scanned = dict[tuple[int, int], float | None]  # (document, page) read from its picture -> how sure that reading is
THUMBNAILS = 8  # small pictures of pages drawn at once, and how many more each time
SHOWN = 25  # documents listed at once, and how many more each time
TURNS = 12  # questions of a conversation drawn at once, and how many more each time

Box = tuple[int, float, float, float, float]  # (page, x0, y0, x1, y1): PDF points from the page's bottom left


@dataclass(frozen=True, kw_only=True)
class Found:
    """A chunk that retrieval found, as rag.trace.Trace.as_json keeps it."""

    rank: int  # from 1
    document_id: int
    ord: int
    filename: str
    heading: str
    first_page: int
    last_page: int
    snippet: str
    stages: dict[
        str, tuple[int, float]
    ]  # dense, bm25, fused, reranked -> rank and score; those that did not find it are absent; none where documents were read whole

    @classmethod
    def from_json(cls, hit: dict[str, Any]) -> Found:
        return cls(
            rank=hit["rank"], document_id=hit["document_id"], ord=hit["ord"], filename=hit["document"], heading=hit["heading"],
            first_page=hit["first_page"], last_page=hit["last_page"], snippet=hit["snippet"],
            stages={stage: (int(rank), float(score)) for stage, (rank, score) in hit.get("stages", {}).items()},
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Source:
    """A passage that an answer was written from: a chunk, or chunks that follow one another."""

    found: tuple[Found, ...]  # in reading order

    @property
    def best(self) -> Found:
        return min(self.found, key=lambda found: found.rank)

    @property
    def ords(self) -> tuple[int, ...]:
        return tuple(found.ord for found in self.found)

    @classmethod
    def all_of(cls, trace: dict[str, Any]) -> tuple[Source, ...]:
        """The sources of a stored trace, best first. An older trace did not join neighbours."""
        found = {hit["rank"]: Found.from_json(hit) for hit in trace["hits"]}
        passages = trace.get("passages", [[rank] for rank in found])
        return tuple(cls(found=tuple(found[rank] for rank in ranks)) for ranks in passages)


@dataclass(frozen=True, kw_only=True)
class Search:
    """What an answer was looked for in, and what was found."""

    sources: tuple[Source, ...] = ()  # by rank
    passages: int = 0  # that were searched
    documents: int = 0  # that these are of; 0: an older trace does not tell

    @classmethod
    def from_trace(cls, trace: dict[str, Any]) -> Search:
        return cls(sources=Source.all_of(trace), passages=trace.get("chunks", 0), documents=trace.get("documents", 0))


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A message, its citations, and the sources it was written from."""

    message: Message
    citations: tuple[Citation, ...]
    search: Search = Search()
    spent: Spending | None = None  # once it has ended; None: nothing was billed
    scanned: Scanned = field(default_factory=dict)

    @property
    def sources(self) -> tuple[Source, ...]:
        return self.search.sources

    def found(self, document_id: int | None, ords: tuple[int, ...]) -> Found | None:
        """The best of these chunks as retrieval found it."""
        held = [found for source in self.sources for found in source.found if found.document_id == document_id and found.ord in ords]
        return min(held, key=lambda found: found.rank, default=None)


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What the source pane shows: a passage, and in it what was cited."""

    message_id: int
    document_id: int | None  # None: the document was deleted, only the quote is left
    ords: tuple[int, ...]  # the chunks read as one passage; of a citation, its own
    filename: str
    page: int  # turned to
    first_page: int  # where the passage or the quote begins
    quote: str = ""  # "" when a passage was opened from its card
    number: int | None = None  # of the citation
    boxes: tuple[Box, ...] = ()

    cited: Opened | None = None  # what a newer version was opened in the place of

    def turned_to(self, page: int) -> Opened:
        return replace(self, page=page)


@dataclass(frozen=True, kw_only=True)
class Address:
    """What the inspector is asked to show: a query over some documents, or the trace of a message."""

    query: str = ""
    documents: tuple[int, ...] = ()  # none: all
    message_id: int | None = None

    @property
    def parameters(self) -> dict[str, str]:
        """As the browser's address tells it."""
        if self.message_id is not None:
            return {"m": str(self.message_id)}
        told = {"q": self.query, "d": ",".join(map(str, self.documents))}
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, kw_only=True)
class Uploaded:
    """What became of one chosen file, in a sentence."""

    filename: str
    sentence: str
    kind: str  # stored, version, duplicate, refused
    document_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class Asking:
    """What a dialog asks before it is done to these documents."""

    what: str  # delete, rename, move, unlock, collections
    documents: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Unfolded:
    """What is open at a message of the conversation."""

    message_id: int
    what: str  # question, asked (a form in the question's place), reason, more (below the answer)


@dataclass(frozen=True, kw_only=True)
class Deleted:
    """A conversation that can still be brought back."""

    conversation_id: int
    title: str


@dataclass(kw_only=True)
class Latest(Generic[T]):
    """What was worked out last, and for what. No more is kept: what it was worked out for may name every document there is."""

    held: tuple[Hashable, T] | None = None

    def is_for(self, key: Hashable) -> bool:
        return self.held is not None and self.held[0] == key

    def get(self, key: Hashable, work: Callable[[], T]) -> T:
        """What is held for this key, else what `work` gives."""
        if self.held is None or self.held[0] != key:
            self.held = key, work()
        return self.held[1]


@dataclass(kw_only=True)
class Ticks:
    """What the reader has ticked to ask: whole collections, and documents by their lineage."""

    collections: set[int] = field(default_factory=set)
    documents: set[int] = field(default_factory=set)
    shown: int = SHOWN  # documents that are listed


@dataclass(kw_only=True)
class Shelf:
    """How the library's list is looked at."""

    group: str = ""  # see entries.GROUPS; "" shows all
    shown: int = SHOWN  # rows that are drawn
    ticked: set[int] = field(default_factory=set)


@dataclass(kw_only=True)
class PageState:
    """One browser session."""

    conversation_id: int | None = None
    scope: Selection = Selection()  # noqa: RUF009 - frozen; what the next conversation is about
    ticks: Ticks | None = None  # the dialog that asks for the scope is open
    askable: bool = False  # there was something to ask when the page was drawn last
    whole_offer: Latest[WholeOffer | None] = field(default_factory=Latest)  # by model, scope, and what of it is ready
    suggested: Latest[list[Suggestion]] = field(default_factory=Latest)  # by language, scope, and what of it is ready
    turns: int = TURNS  # that are drawn of the conversation
    unfolded: Unfolded | None = None
    renaming: int | None = None  # the conversation whose name is being changed
    deleted: Deleted | None = None  # until the next action
    listed: int = SHOWN  # conversations in the sidebar
    sources_of: int | None = None  # the message whose sources the pane lists; None: the latest
    opened: Opened | None = None
    in_dialog: bool = False  # the window is too narrow for a pane beside the answer
    pane_knows: int | None = None  # the message whose sources the pane was last drawn with
    polls_after_end: int = 0
    language: str | None = None  # chosen by the reader; "": by the browser; None: not asked for yet
    question_error: str = ""
    uploads: list[Uploaded] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)  # chosen files that were taken in this round
    upload_round: int = 0  # a new uploader, empty, for each round
    not_now: set[str] = field(default_factory=set)  # what was asked and put off
    offer: Offer | None = None  # passages, one of which may answer a question for the evaluation
    to_inspect: str = ""  # a question that the reader wants opened in the inspector
    questions_taken: str = ""  # what became of an uploaded file of questions
    reading: int | None = None  # the document that is open page by page
    page: int = 1
    zoom: float = 1.0  # of pages, to the width that there is
    unseen: dict[tuple[int, int], int] = field(default_factory=dict)  # pages whose pictures did not come, and how often
    thumbnails: int = THUMBNAILS  # that the page-quality report shows
    inspection: Inspection | None = None  # what the inspector shows, of the address it was made for
    inspected: Address | None = None
    hit: Key | None = None  # the inspector's open passage, and the page turned to
    hit_page: int = 1
    hit_in_dialog: bool = False
    shelf: Shelf = field(default_factory=Shelf)
    asking: Asking | None = None  # the dialog that is open
    refused: str = ""  # why the last password was
    tries: int = 0  # a new password field for each
    collection_asked: tuple[str, int] = ("", 0)  # what is to be done to which collection, once it is confirmed
    searches: dict[int, Search] = field(default_factory=dict)  # of each message of the conversation that was shown
    scanned: dict[int, Scanned] = field(default_factory=dict)  # the same
    trials: dict[str, Future[tuple[Tried, ...]]] = field(default_factory=dict)  # of the connections to recipients
    settled: dict[int, Answer] = field(default_factory=dict)  # answers of the conversation that will not change any more
    clicks_handled: dict[str, int] = field(default_factory=dict)  # of each tree that was clicked, the number of the last click

    def read(self, document_id: int, *, page: int = 1) -> None:
        """Open a document on the documents page."""
        self.reading, self.page, self.thumbnails = document_id, page, THUMBNAILS

    def ask(self, what: str, documents: Iterable[int] = ()) -> None:
        """Open a dialog with the next run of the page."""
        self.asking, self.collection_asked, self.refused = Asking(what=what, documents=tuple(documents)), ("", 0), ""

    def answered(self) -> None:
        """Close the dialog with the next run of the page."""
        self.asking = None

    def turn_to(self, conversation_id: int | None) -> None:
        """Show a conversation, or a new one; what was read of another is let go, so that a long session does not grow."""
        self.close_conversation()
        if conversation_id != self.conversation_id:
            self.settled.clear()
            self.searches.clear()
            self.scanned.clear()
        self.conversation_id = conversation_id

    def close_conversation(self) -> None:
        self.opened, self.sources_of, self.pane_knows, self.question_error, self.polls_after_end = None, None, None, "", 0
        self.turns, self.unfolded, self.renaming, self.deleted = TURNS, None, None, None

    def unfold(self, message_id: int, what: str) -> None:
        """Open a form or a menu at a message; close it where it is open already."""
        wanted = Unfolded(message_id=message_id, what=what)
        self.unfolded = None if self.unfolded == wanted else wanted


def page_state() -> PageState:
    """The session's state, made on its first run."""
    held = st.session_state.get(KEY)
    if not isinstance(held, PageState):
        held = st.session_state[KEY] = PageState()
    return held
