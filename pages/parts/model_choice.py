"""One use of models: which serves, what it receives and costs, and the configured ones to choose among."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.embedder_switch import switch_notice
from pages.parts.escape import plain
from pages.parts.guard import attempt
from pages.parts.i18n import _
from pages.parts.money import dollars
from rag import choices
from rag.consent import Purpose
from rag.preferences import NONE
from rag.providers.extract import Extract
from rag.providers.late_interaction import LateInteraction

if TYPE_CHECKING:
    from rag.choices import Choice, Role
    from rag.deps import Deps


def model_choice(deps: Deps, subject: str, role: Role) -> None:
    """What serves now, and a box to choose another where there is something to choose."""
    name = role.purpose.value
    with st.container(border=True, key=f"role-{name}"):
        names = [choice.name for choice in role.choices] + ([NONE] if role.may_be_none and role.choices else [])
        left, right = st.columns([3, 2], vertical_alignment="center") if len(names) > 1 else (st.container(), None)
        with left:
            st.markdown(f"**{_title(role.purpose)}**  \n{_task(role.purpose)}")
        if right is not None:
            with right:
                _box(deps, subject, role, names)
        st.caption("  \n".join(_standing(role)))
        if role.purpose is Purpose.EMBED:
            switch_notice(deps, subject)


def received(purpose: Purpose) -> str:
    """What a model elsewhere is sent for this."""
    told = {
        Purpose.ANSWER: _("your questions and the passages found for them"),
        Purpose.EMBED: _("whole documents, and your questions"),
        Purpose.RERANK: _("your questions and the passages found for them"),
        Purpose.SITUATE: _("whole documents"),
    }
    return told[purpose]


def called(name: str) -> str:
    """What a model is called on the page: those that come with Situate by what they are."""
    own = {Extract.name: _("Extract, in the documents' own words"), LateInteraction.name: _("Late interaction"), NONE: _("None")}
    return own.get(name, name)


def _title(purpose: Purpose) -> str:
    titles = {
        Purpose.ANSWER: _("Answers"),
        Purpose.EMBED: _("Search by meaning"),
        Purpose.RERANK: _("Order of the passages"),
        Purpose.SITUATE: _("Contexts of the passages"),
    }
    return titles[purpose]


def _task(purpose: Purpose) -> str:
    tasks = {
        Purpose.ANSWER: _("Answers a question from the passages that were found."),
        Purpose.EMBED: _("Compares questions and passages by what they mean."),
        Purpose.RERANK: _("Reads the passages that were found again, and puts the best first."),
        Purpose.SITUATE: _("Notes for each passage what its document is about, so that it is found."),
    }
    return tasks[purpose]


def _box(deps: Deps, subject: str, role: Role, names: list[str]) -> None:
    """The models to choose among."""
    key = f"choose-{role.purpose.value}"
    default = role.default or NONE
    chosen = role.chosen if role.chosen in names else default
    st.session_state[key] = chosen  # as it stands in the database, whatever another tab has done since

    def changed() -> None:
        picked = str(st.session_state[key])
        with attempt():
            choices.choose(deps, subject, role.purpose, "" if picked == default else picked)

    st.selectbox(
        _title(role.purpose),
        names,
        key=key,
        on_change=changed,
        format_func=lambda name: _label(role, name, default),
        label_visibility="collapsed",
    )


def _label(role: Role, name: str, default: str) -> str:
    choice = role.choice(name)
    parts = [called(name), choice.recipient if choice and choice.recipient else "", _("default") if name == default else ""]
    return " · ".join(part for part in parts if part)


def _standing(role: Role) -> list[str]:
    """What serves and what that means, what is waited for, and who decided it; each a line of markdown."""
    serving, wanted = role.choice(role.serving), role.choice(role.wanted)
    told = [_serving(role.purpose, serving)]
    if wanted is not None and not wanted.allowed:
        told.append(_("{model} serves as soon as you allow it, above.").format(model=plain(called(wanted.name))))
    if role.chosen and role.chosen != NONE and role.choice(role.chosen) is None:
        told.append(_("{model}, which you chose, is not configured any more.").format(model=plain(role.chosen)))
    if role.value:
        setting = plain(f"{role.variable}={role.value}")
        told.append(_("Set by the operator: {setting}. To have others to choose among, change it there.").format(setting=setting))
    return told


def _serving(purpose: Purpose, serving: Choice | None) -> str:
    if serving is None:
        absent = {
            Purpose.RERANK: _("Nothing reorders the passages: the order of the search stands."),
            Purpose.SITUATE: _("No model writes contexts: titles, headings and table captions serve in their place."),
            Purpose.EMBED: _("Until the vectors are complete, only words are searched for."),
        }
        return absent.get(purpose, "")
    if serving.recipient is None:
        return _("Serving: {model}. It runs on this machine: nothing is sent, and nothing costs money.").format(
            model=plain(called(serving.name))
        )
    told = _("Serving: {model} at {recipient}, which receives {what}.").format(
        model=plain(serving.name), recipient=plain(serving.recipient), what=received(purpose)
    )
    return f"{told} {plain(_price(serving))}"


def _price(choice: Choice) -> str:
    if choice.question is not None:
        return _("About {price} a question.").format(price=dollars(choice.question))
    if choice.read is not None and choice.written is not None:
        return _("{read} for a million tokens read, {written} for a million written.").format(
            read=dollars(choice.read), written=dollars(choice.written)
        )
    if choice.read is not None:
        return _("{read} for a million tokens.").format(read=dollars(choice.read))
    return _("Its price is not known.")
