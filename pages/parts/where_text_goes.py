"""Where text is sent, place by place: what stays here, who else receives what and since when, taking that back, and trying the connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.escape import plain
from pages.parts.guard import attempt
from pages.parts.i18n import _, told
from pages.parts.model_choice import received
from pages.parts.money import day
from pages.parts.state import page_state
from rag import choices, connections, consent
from rag.consent import Purpose

if TYPE_CHECKING:
    from concurrent.futures import Future

    from rag.choices import Sent
    from rag.connections import Tried
    from rag.deps import Deps

EVERY = 0.5  # seconds between two looks at a connection that is being tried


def where_text_goes(deps: Deps, subject: str) -> None:
    """This machine first, then everyone else who is configured or was agreed to."""
    with st.container(border=True, key="place-here"):
        here, kept = _("This machine"), _("Your files, their pages and passages, conversations, and every model that runs here.")
        st.markdown(f":material/computer: **{here}**  \n{kept}")
    lines, remotes = choices.sent(deps, subject), connections.remotes(deps)
    for recipient in dict.fromkeys([*lines, *remotes]):
        with st.container(border=True, key=f"place-{recipient}"):
            _recipient(deps, subject, recipient, lines.get(recipient, []), can_be_tried=recipient in remotes)
    if deps.settings.granted:
        names = plain(", ".join(sorted(deps.settings.granted)))
        st.caption(_("Allowed for everyone by the operator (SITUATE\\_CONSENT): {names}").format(names=names))
    if not lines and not remotes:
        st.caption(_("No text leaves this machine."))


def _recipient(deps: Deps, subject: str, recipient: str, lines: list[Sent], *, can_be_tried: bool) -> None:
    st.markdown(f":material/cloud_upload: **{plain(recipient)}**")
    for line in lines:
        with st.container(horizontal=True, vertical_alignment="center", key=f"given-{recipient}-{line.model}-{line.purpose}"):
            st.markdown(_told(line), width="stretch")
            if line.granted:
                st.button(
                    _("Withdraw"),
                    key=f"withdraw-{recipient}-{line.model}-{line.purpose}",
                    on_click=_withdraw,
                    args=(deps, subject, recipient, line.model),
                )
    if not lines:
        st.caption(_("Configured, and not in use: nothing is sent."))
    if can_be_tried:
        _connection(deps, recipient)


def _told(line: Sent) -> str:
    used = {
        Purpose.ANSWER: _("writes answers"),
        Purpose.EMBED: _("indexes documents"),
        Purpose.RERANK: _("orders passages"),
        Purpose.SITUATE: _("situates passages"),
    }
    names = {"model": plain(line.model), "purpose": used[line.purpose], "what": received(line.purpose)}
    if line.granted:
        names["day"] = plain(day(line.granted.granted_at.date()))
        return _("**{model}** {purpose}. It receives {what}. Allowed on {day}.").format(**names)
    if line.by_operator:
        return _("**{model}** {purpose}. It receives {what}. Allowed by the operator.").format(**names)
    return _("**{model}** {purpose}, once you allow it. It would receive {what}. Nothing is sent yet.").format(**names)


def _connection(deps: Deps, recipient: str) -> None:
    """A button to try the connection, and what became of the last time; followed while it is being tried."""
    trial = page_state().trials.get(recipient)
    followed = trial is not None and not trial.done()

    def inside() -> None:
        under_way = trial is not None and not trial.done()
        if followed and not under_way:
            st.rerun()
        with st.container(horizontal=True, vertical_alignment="center", key=f"trial-{recipient}"):
            st.button(
                _("Test the connection"),
                key=f"try-{recipient}",
                on_click=_begin,
                args=(deps, recipient),
                disabled=under_way,
                help=_cost(recipient),
            )
            if under_way:
                st.markdown(_("Asking {recipient}…").format(recipient=plain(recipient)), width="stretch")
            elif trial is not None:
                st.markdown("  \n".join(_outcome(trial)), width="stretch")

    if followed:
        st.fragment(inside, run_every=EVERY, key=f"trying-{recipient}")()
    else:
        with st.container():
            inside()


def _begin(deps: Deps, recipient: str) -> None:
    page_state().trials[recipient] = connections.begin(deps, recipient)


def _cost(recipient: str) -> str:
    if recipient in connections.FREE:
        return _("Asks whether the key and the models are good. It sends none of your text, and costs nothing.")
    return _("Sends a word or two, none of them yours, to each model. It costs next to nothing.")


def _outcome(trial: Future[tuple[Tried, ...]]) -> list[str]:
    """What became of it, in sentences; a fault that several models share is told once."""
    if error := trial.exception():
        return [plain(told(f"An unexpected error ({type(error).__name__}); the log says more."))]
    tried = trial.result()
    said = [
        ":material/check_circle: "
        + _("{model} answers, in {seconds} s.").format(model=plain(one.model), seconds=plain(f"{one.seconds:.1f}"))
        for one in tried
        if not one.fault
    ]
    faults = dict.fromkeys(one.fault for one in tried if one.fault)
    return [*said, *(f":material/error: {plain(told(fault))}" for fault in faults)]


def _withdraw(deps: Deps, subject: str, recipient: str, model: str) -> None:
    with attempt():
        consent.withdraw(deps, subject, recipient, model)
