"""A page of a document with boxes over it, what turns to the others, and what draws it larger."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from pages.parts.i18n import _
from pages.parts.page_turner import turner_tree
from pages.parts.paper_routes import WIDTHS, page_path
from pages.parts.state import page_state
from pages.parts.tree_component import Click, Node, button, draw_tree
from rag import library
from rag.errors import UnreadableDocument

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pages.parts.state import Box
    from rag.deps import Deps
    from rag.library import Chunk, Document, Page

ZOOMS = (1.0, 1.5, 2.0, 3.0, 4.0)  # of the width that there is; drawn anew for each, as sharp as the first
AROUND = 2.0  # points between the text and its box


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Boxes that belong together: what is cited, another citation of the same answer, or a passage."""

    kind: str  # cited, other, passage
    boxes: tuple[Box, ...]
    number: int | None = None  # of the citation
    label: str = ""  # of its number, for screen readers
    tip: str = ""


def boxed_page(
    deps: Deps,
    subject: str,
    document_id: int,
    *,
    page: int,
    home: int,
    marks: Sequence[Mark],
    key: str,
    on_turn: Callable[[int], None],
    on_cite: Callable[[Click], None] | None = None,
) -> None:
    """Draw the page turned to; `home` is where the passage begins. Raises DocumentGone, UnreadableDocument.

    The picture comes by itself (pages.parts.paper_routes), so that nothing waits for it; where it does not come, it is drawn here once, which
    says why.
    """
    document = library.document(deps, subject, document_id)
    state = page_state()
    attempt = state.unseen.get((document_id, page), 0)
    unreadable = _tried(deps, subject, document_id, page) if attempt else None
    shown = library.page(deps, subject, document_id, page)
    turned = page

    def clicked(click: Click) -> None:
        nonlocal turned  # several clicks may come at once
        match click.act, click.argument:
            case "turn", where:
                turned = {"next": turned + 1, "previous": turned - 1}.get(where) or int(where)
                turned = min(max(1, turned), document.page_count)
                on_turn(turned)
            case "zoom", how:
                at = ZOOMS.index(state.zoom)
                state.zoom = ZOOMS[{"in": min(at + 1, len(ZOOMS) - 1), "out": max(at - 1, 0)}.get(how, 0)]
            case "unseen", _number:
                state.unseen[document_id, page] = attempt + 1
            case "cite", _number if on_cite is not None:
                on_cite(click)

    keys = {"ArrowLeft": "turn:previous", "ArrowRight": "turn:next", "+": "zoom:in", "=": "zoom:in", "-": "zoom:out", "0": "zoom:fit"}
    turner = turner_tree(page, document.page_count, home=home, pages=_pages_of(marks))
    drawn: list[Node] = [["div", {"keys": keys, "c": "turner", "label": _("Pages")}, *turner, *_zoom_tree(state.zoom)]]
    if unreadable is None:
        drawn.append(_view(shown, document, marks, state.zoom, attempt))
    draw_tree(["div", {}, *drawn], key=key, on_click=clicked)
    if unreadable is not None:
        raise unreadable


def _tried(deps: Deps, subject: str, document_id: int, page: int) -> UnreadableDocument | None:
    """Why a page cannot be shown; None where it can."""
    try:
        library.page_image(deps, subject, document_id, page)
    except UnreadableDocument as error:
        return error
    return None


def _view(page: Page, document: Document, marks: Sequence[Mark], zoom: float, attempt: int) -> Node:
    """What scrolls over the page, and looks at what was opened first."""
    label = _("Page {page} of {file}").format(page=page.number, file=document.filename)
    picture = page_path(document.id, page.number, width=_width(zoom), attempt=attempt)
    sheet: Node = [
        "div",
        {"c": "sheet", "wide": round(100 * zoom), "shape": f"{page.width} / {page.height}" if page.height else ""},
        ["img", {"label": label, "src": picture, "broken": f"unseen:{page.number}"}],
        *(_marks_tree(page, marks) if page.height else []),
    ]
    opened = [mark for mark in marks if mark.kind != "other"]
    at = f"{document.id}.{page.number}.{[mark.number or mark.boxes[:1] for mark in opened]}"
    return ["div", {"c": "view", "label": label, "look": {"at": at, "centre": _centre(page, opened)}}, sheet]


def boxes_of(chunks: Sequence[Chunk]) -> tuple[Box, ...]:
    """Those of every sentence."""
    return tuple(box for chunk in chunks for sentence in chunk.sentences for box in sentence.boxes)


def _width(zoom: float) -> int:
    """Pixels that are enough for a zoom."""
    return next(width for width in WIDTHS if width >= library.WIDTH * zoom)


def _zoom_tree(zoom: float) -> list[Node]:
    def step(sign: str, act: str, label: str, *, enabled: bool) -> Node:
        return ["button", {"c": "arrow", "label": label, **({"act": act} if enabled else {"off": True})}, sign]

    return [
        ["span", {"c": "gap"}],
        step("−", "zoom:out", _("Smaller"), enabled=zoom > ZOOMS[0]),
        button(f"{zoom:.0%}", act="zoom:fit", classes="percent", label=_("{percent} of the width; fit it").format(percent=f"{zoom:.0%}")),
        step("+", "zoom:in", _("Larger"), enabled=zoom < ZOOMS[-1]),
    ]


def _pages_of(marks: Sequence[Mark]) -> list[int]:
    """Those on which what was opened stands."""
    return sorted({box[0] for mark in marks if mark.kind != "other" for box in mark.boxes})


def _centre(page: Page, marks: Sequence[Mark]) -> tuple[float, float]:
    """Where on the page to look first: at these, or else at the top."""
    boxes = [box for mark in marks for box in mark.boxes if box[0] == page.number]
    if not boxes or not page.height:
        return (0.0, 0.0)
    left, bottom, right, top = (edge(box[side] for box in boxes) for side, edge in enumerate((min, min, max, max), start=1))
    return round((left + right) / 2 / page.width, 4), round(1 - (bottom + top) / 2 / page.height, 4)


def _marks_tree(page: Page, marks: Sequence[Mark]) -> list[Node]:
    """Each mark's boxes on this page, and behind the first of them its number. Citations of the same words share their boxes."""
    here = [(tuple(box for box in mark.boxes if box[0] == page.number), mark) for mark in marks]
    here = sorted(((boxes, mark) for boxes, mark in here if boxes), key=lambda held: (held[0], held[1].kind, held[1].number or 0))
    drawn: list[Node] = []
    for boxes, held in groupby(here, key=lambda held: held[0]):
        together = [mark for _boxes, mark in held]
        kind = together[0].kind  # what is cited before another citation of the same words
        act = {"act": f"cite:{together[0].number}"} if kind == "other" else {}
        drawn += [["div", {"c": f"box {kind}", "at": place(page, box), "tip": together[0].tip, **act}] for box in boxes]
        numbered = [mark for mark in together if mark.number is not None]
        if numbered:
            left, top, _wide, _high = place(page, boxes[0])
            drawn.append(["div", {"c": "numbers", "at": [left, top, "", ""]}, *map(_number, numbered)])
    return drawn


def _number(mark: Mark) -> Node:
    pressed = mark.kind == "cited"
    return button(str(mark.number), act=f"cite:{mark.number}", classes="number", label=mark.label, tip=mark.tip, pressed=pressed)


def place(page: Page, box: Box) -> list[float]:
    """Left, top, width and height in per cent of the page, from its top left; boxes are in points from its bottom left."""
    _number, x0, y0, x1, y1 = box
    shares = (
        (x0 - AROUND) / page.width, 1 - (y1 + AROUND) / page.height, (x1 - x0 + 2 * AROUND) / page.width, (y1 - y0 + 2 * AROUND) / page.height
    )  # fmt: skip
    return [round(100 * share, 3) for share in shares]
