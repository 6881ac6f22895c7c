"""The evaluation page: questions picked or uploaded, a run followed to its end, figures, comparison, misses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from rag import conversation, evaluate, feedback, library, own_questions
from rag.deps import Deps
from tests import pdfs
from tests.flows.asking import finished
from tests.ui.conftest import SUBJECT, acts, open_app, press, shown, state_of

PAGE = "pages/evaluation.py"


def collect(deps: Deps, question: str = "Which foundry makes the quartz sensors?") -> None:
    hit = own_questions.passages(deps, SUBJECT, question)[0]
    own_questions.add(deps, SUBJECT, question=question, document_id=hit.chunk.document_id, ord_=hit.chunk.ord, quote=hit.chunk.text)


def ended(app: AppTest) -> AppTest:
    """Wait for the run's thread, then look again."""
    until = time.monotonic() + 30
    while any(t.name.startswith("evaluate-") for t in threading.enumerate()) and time.monotonic() < until:
        time.sleep(0.05)
    app.run()
    assert not app.exception, [e.value for e in app.exception]
    return app


def test_an_empty_page_says_what_to_do_and_measures_nothing(deps: Deps) -> None:
    app = open_app(PAGE)
    assert "Collect questions whose answers you know" in shown(app)
    assert "No questions yet." in shown(app)
    assert app.button(key="measure").disabled
    assert "Nothing has been measured yet." in shown(app)


def test_a_question_is_typed_and_its_passage_picked(deps: Deps, store: Callable[..., int]) -> None:
    store()
    app = open_app(PAGE)
    app.text_input(key="collected-question").set_value("Which foundry makes the quartz sensors?")
    next(b for b in app.button if b.label == "Find the passage").click().run()
    assert not [t.value for t in app.toast]
    assert "Which passage answers it?" in shown(app)
    assert "pick:0" in acts(app)
    offer = state_of(app).offer
    assert offer is not None
    assert offer.hits
    collect(deps)
    app.button(key="no-offer").click().run()
    assert "report.pdf · p. " in shown(app)
    assert not app.button(key="measure").disabled


def test_a_question_without_words_is_told_in_passing(store: Callable[..., int]) -> None:
    store()
    app = open_app(PAGE)
    app.text_input(key="collected-question").set_value("?")
    next(b for b in app.button if b.label == "Find the passage").click().run()
    assert [toast.value for toast in app.toast]
    assert state_of(app).offer is None


def test_questions_are_uploaded(deps: Deps, store: Callable[..., int]) -> None:
    store()
    app = open_app(PAGE)
    rows = "question,quote\nWhere from?,quartz sensors depends on a single foundry in Karlsruhe\nWhy?,These words stand in none of them\n"
    app.file_uploader[0].set_value([("mine.csv", rows.encode(), "text/csv")]).run()
    said = shown(app).replace("\\", "")
    assert "1 question was added. The passage was found in no document for: mine.csv:3" in said
    assert [one.question for one in own_questions.collected(deps, SUBJECT)] == ["Where from?"]
    app.file_uploader[0].set_value([("bad.csv", b"a,b\n", "text/csv")]).run()
    assert "bad.csv needs the columns question and quote" in shown(app).replace("\\", "")


def test_a_run_is_followed_to_its_figures(deps: Deps, store: Callable[..., int]) -> None:
    store()
    collect(deps)
    app = open_app(PAGE)
    app.toggle(key="without-context").set_value(True).run()
    app.button(key="measure").click().run()
    said = shown(ended(app))
    assert "1 question · 1 document" in said.replace("\\", "")
    for name in ("By meaning", "By its words (BM25)", "Both together", "no context", "structural context", "Found @20", "nDCG @10"):
        assert name in said
    assert "Nothing was missed." in said
    assert "no clear difference" in said
    assert len(app.get("arrow_vega_lite_chart") or app.get("vega_lite_chart")) == 1


def test_a_run_under_way_can_be_stopped(deps: Deps, store: Callable[..., int]) -> None:
    store()
    collect(deps)
    run = evaluate.begin(deps, SUBJECT, "mine")
    app = open_app(PAGE)
    assert "You may leave this page" in shown(app)
    app.button(key="stop-evaluation").click().run()
    app.run()
    assert "The last run was stopped before its end." in shown(app)
    assert evaluate.evaluations(deps, SUBJECT)[0].id == run.id


def test_two_runs_are_compared_and_one_is_deleted(deps: Deps, store: Callable[..., int]) -> None:
    store()
    collect(deps)
    for _ in range(2):
        plan = evaluate.plan(deps, SUBJECT, own_questions.question_set(deps, SUBJECT, name="mine"))
        evaluate.run(deps, SUBJECT, plan, progress=lambda *_: None)
    app = open_app(PAGE)
    others = app.selectbox(key="other-run")
    others.set_value(others.options and app.selectbox(key="run").value - 1).run()
    assert not app.exception
    assert len(app.selectbox(key="compare-to").options) == 12
    assert "Over 1 question, pair by pair." in shown(app).replace("\\", "")
    app.button(key="forget").click().run()
    assert len(evaluate.evaluations(deps, SUBJECT)) == 1


@pytest.mark.parametrize("question", ["![x](http://127.0.0.1:9/x.png)", "<img src=x onerror=alert(1)>", ":red[x] **b** $a$"])
def test_a_question_is_shown_as_text(deps: Deps, store: Callable[..., int], question: str) -> None:
    document_id = store(pdfs.report())
    own_questions.add(deps, SUBJECT, question=question, document_id=document_id, ord_=99, quote="Words of no passage whatever")
    plan = evaluate.plan(deps, SUBJECT, own_questions.question_set(deps, SUBJECT, name=question))
    evaluate.run(deps, SUBJECT, plan, progress=lambda *_: None)
    app = open_app(PAGE)
    assert not app.exception
    markdown = [element.value for kind in ("markdown", "caption", "warning", "info", "error", "success") for element in app.get(kind)]
    assert not [text for text in markdown if "127.0.0.1" in text or "<img" in text]
    assert question in shown(app)


def test_a_passage_is_added_from_the_inspector(deps: Deps, store: Callable[..., int]) -> None:
    store()
    app = open_app("pages/inspector.py", q="quartz foundry")
    inspection = state_of(app).inspection
    assert inspection is not None
    state_of(app).hit = inspection.rows[0].key
    app.run()
    app.button(key="add-to-evaluation").click().run()
    assert not app.exception
    (kept,) = own_questions.collected(deps, SUBJECT)
    assert (kept.question, (kept.document_id, kept.ord)) == ("quartz foundry", inspection.rows[0].key)
    assert [toast.value for toast in app.toast] == ["Added."]


def rated(deps: Deps, question: str, *, good: bool, reason: str = "") -> int:
    """A question that was answered, and what the reader thought of that."""
    message = finished(deps, conversation.ask(deps, SUBJECT, question))
    feedback.rate(deps, SUBJECT, message.id, good=good, reason=reason)
    return message.id


def test_a_good_answer_is_taken_as_a_question_with_one_click(deps: Deps, store: Callable[..., int]) -> None:
    store()
    message_id = rated(deps, "Which foundry makes the quartz sensors?", good=True)
    app = open_app(PAGE)
    assert "From answers that you rated" in shown(app)
    press(app, f"take:{message_id}")
    assert {one.question for one in own_questions.collected(deps, SUBJECT)} == {"Which foundry makes the quartz sensors?"}
    assert [toast.value for toast in app.toast] == ["Added."]
    assert "From answers that you rated" not in shown(app)


def test_for_a_bad_answer_the_passage_is_picked(deps: Deps, store: Callable[..., int]) -> None:
    store()
    message_id = rated(deps, "Which foundry makes the quartz sensors?", good=False, reason="It names <b>none</b>.")
    app = open_app(PAGE)
    assert "Rated bad: It names <b>none</b>." in shown(app)
    press(app, f"find:{message_id}")
    offer = state_of(app).offer
    assert offer is not None
    assert (offer.question, offer.rated) == ("Which foundry makes the quartz sensors?", message_id)
    press(app, "pick:0")
    (kept,) = own_questions.collected(deps, SUBJECT)
    assert kept.quote == offer.hits[0].chunk.text
    assert feedback.unsettled(deps, SUBJECT) == []


def test_a_rated_answer_is_put_aside(deps: Deps, store: Callable[..., int]) -> None:
    store()
    message_id = rated(deps, "Which foundry makes the quartz sensors?", good=False)
    app = open_app(PAGE)
    press(app, f"aside:{message_id}")
    assert "From answers that you rated" not in shown(app)
    assert own_questions.collected(deps, SUBJECT) == []


def test_a_good_answer_whose_document_is_gone_is_looked_for_anew(deps: Deps, store: Callable[..., int]) -> None:
    document_id = store()
    message_id = rated(deps, "Which foundry makes the quartz sensors?", good=True)
    library.delete(deps, SUBJECT, document_id)
    store(filename="again.pdf")
    app = open_app(PAGE)
    press(app, f"take:{message_id}")
    offer = state_of(app).offer
    assert offer is not None
    assert offer.rated == message_id
