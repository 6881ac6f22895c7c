"""The ladder on the reader's own questions: collect them, measure, compare runs, look at what was missed."""

from __future__ import annotations

import streamlit as st
from babel.dates import format_datetime

from db.evaluations import Evaluation, State
from pages import frame
from pages.parts.escape import plain
from pages.parts.guard import attempt, guard
from pages.parts.i18n import _, language, plural, told
from pages.parts.ladder_view import comparison, context_names, ladder_view, misses
from pages.parts.question_collector import question_collector
from pages.parts.rated_answers import rated_answers
from rag import evaluate, own_questions
from rag.question_sets import Context

page = frame(_("Evaluation"))
EVERY = 1.0  # seconds between two looks at a run


def measure(contexts: tuple[Context, ...]) -> None:
    with attempt():
        found = own_questions.question_set(page.deps, page.subject, name=_("My questions"))
        plan = evaluate.plan(
            page.deps, page.subject, found, contexts=[c for c in found.contexts if c in contexts or c is found.indexed_with]
        )
        evaluate.begin_in_background(page.deps, page.subject, plan)


def stop(evaluation_id: int) -> None:
    with attempt():
        evaluate.stop(page.deps, page.subject, evaluation_id)


def forget(evaluation_id: int) -> None:
    with attempt():
        evaluate.delete(page.deps, page.subject, evaluation_id)


def run_name(run: Evaluation) -> str:
    return f"{run.set} · {format_datetime(run.created_at, format='medium', locale=language())}"


def step_name(step: str) -> str:
    """What a run is doing, and with which context."""
    doing, _colon, context = step.partition(": ")
    names = {
        "reading": _("Reading the documents"),
        "indexing": _("Indexing a copy"),
        "situating": _("Writing contexts"),
        "asking": _("Asking the questions"),
    }
    said = names.get(doing, _("Beginning"))
    return f"{said} ({context_names()[Context(context)]})" if context else said


def follow(run: Evaluation) -> None:
    """A run under way, until it has ended."""

    @st.fragment(run_every=EVERY, key="running")
    def progress() -> None:
        with guard("running"):
            now = next((r for r in evaluate.evaluations(page.deps, page.subject) if r.id == run.id), None)
            if now is None or now.state is not State.RUNNING:
                st.rerun()
            with st.container(horizontal=True, vertical_alignment="center"):
                counted = _("{done} of {total}").format(done=f"{now.done:,}", total=f"{now.total:,}") if now.total else ""
                st.progress(
                    min(1.0, now.done / now.total) if now.total else 0.0, text=" · ".join(filter(None, [step_name(now.step), counted]))
                )
                st.button(_("Stop"), key="stop-evaluation", on_click=stop, args=(now.id,))
            st.caption(_("You may leave this page; the work goes on."))

    progress()


def measuring(questions: int, running: Evaluation | None) -> None:
    """The button that measures, or how far the run has come."""
    if running is not None:
        follow(running)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        without = st.toggle(
            _("Also without context"), key="without-context", help=_("Indexes a copy of your documents first, which takes a while.")
        )
        contexts = (Context.NONE,) if without else ()
        label = plural("Measure with {n} question", "Measure with {n} questions", questions)
        st.button(
            label, type="primary", icon=":material/play_arrow:", key="measure", disabled=not questions, on_click=measure, args=(contexts,)
        )


def results(runs: list[Evaluation]) -> None:
    """One run, and beside it another if wanted."""
    done = {run.id: run for run in runs if run.state is State.DONE}
    for run in runs[:1]:
        if run.state is State.FAILED:
            st.error(plain(told(run.error)), icon=":material/error:")
        if run.state is State.STOPPED:
            st.info(_("The last run was stopped before its end."), icon=":material/info:")
    if not done:
        st.caption(_("Nothing has been measured yet."))
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(_("Run"), list(done), format_func=lambda n: run_name(done[n]), key="run")
        st.button("", icon=":material/delete:", type="tertiary", help=_("Delete this run"), key="forget", on_click=forget, args=(chosen,))
    ladder = evaluate.result(page.deps, page.subject, chosen)
    if ladder is None:
        return
    metric = ladder_view(ladder)
    st.header(_("Compare"), anchor=False)
    others = [n for n in done if n != chosen]
    other = None
    if others:
        other = st.selectbox(
            _("With another run"), [None, *others], format_func=lambda n: run_name(done[n]) if n else _("This run only"), key="other-run"
        )
    beside = evaluate.result(page.deps, page.subject, other) if other else None
    comparison(ladder, beside, names=(run_name(done[chosen]), run_name(done[other]) if other else ""))
    st.header(_("Missed"), anchor=False)
    misses(ladder, metric)


with guard("evaluation"), st.container(key="ladder"):
    collected = own_questions.collected(page.deps, page.subject)
    runs = evaluate.evaluations(page.deps, page.subject)
    st.title(_("Evaluation"), anchor=False)
    st.caption(_("Collect questions whose answers you know; see how often each search finds the passage that answers them."))
    measuring(len({one.question for one in collected}), next((run for run in runs if run.state is State.RUNNING), None))
    asked, measured = _("Questions"), _("Results")
    shown = st.tabs([asked, measured], default=measured if any(run.state is State.DONE for run in runs) else asked, key="evaluation-tabs")
    with shown[0], guard("questions"):
        rated_answers(page.deps, page.subject)
        question_collector(page.deps, page.subject, collected)
    with shown[1], guard("results"):
        results(runs)
