"""First questions that the documents themselves suggest, each a click away."""

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
    from rag.deps import Deps


def suggested(deps: Deps, subject: str, selection: Selection, scope: Scope) -> None:
    """Draw them; worked out anew for another language or scope, or what becomes ready of it."""
    spoken = language()
    work = partial(suggestions.suggestions, deps, subject, selection, language=spoken)
    questions = page_state().suggested.get((spoken, selection, scope.ready), work)
    if not questions:
        return

    def clicked(click: Click) -> None:
        ask(deps, subject, questions[int(click.argument)], conversation_id=None)

    draw_tree(
        [
            "div",
            {"c": "suggested"},
            ["p", {"c": "faint small label"}, _("You could ask:")],
            *(button(question, act=f"suggested:{at}", classes="card") for at, question in enumerate(questions)),
        ],
        key="suggested",
        on_click=clicked,
    )
