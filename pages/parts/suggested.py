"""First questions that the documents themselves suggest, each a click away; below each, of several documents, the one that it asks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pages.parts.i18n import _, language
from pages.parts.question_box import ask
from pages.parts.state import page_state
from pages.parts.tree_component import Click, button, draw_tree
from rag import suggestions

if TYPE_CHECKING:
    from db.documents import Selection
    from pages.parts.scope import Scope
    from pages.parts.tree_component import Node
    from rag.deps import Deps
    from rag.suggestions import Suggestion


def suggested(deps: Deps, subject: str, selection: Selection, scope: Scope) -> None:
    """Draw them; worked out anew for another language or scope, or what becomes ready of it."""
    spoken = language()
    work = partial(suggestions.suggestions, deps, subject, selection, language=spoken)
    asked = page_state().suggested.get((spoken, selection, scope.ready), work)
    if not asked:
        return

    def clicked(click: Click) -> None:
        ask(deps, subject, asked[int(click.argument)].question, conversation_id=None)

    draw_tree(
        [
            "div",
            {"c": "suggested"},
            ["p", {"c": "faint small label"}, _("You could ask:")],
            *(button(*_lines(suggestion), act=f"suggested:{at}", classes="card") for at, suggestion in enumerate(asked)),
        ],
        key="suggested",
        on_click=clicked,
    )


def _lines(suggestion: Suggestion) -> list[Node]:
    named: list[Node] = [["span", {"c": "faint small of"}, suggestion.document]] if suggestion.document else []
    return [["span", {}, suggestion.shown], *named]
