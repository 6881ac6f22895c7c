"""A person's own questions: added with the passage that answers them, taken from files, measured on the index as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from db import as_subject
from rag import evaluate, library, own_questions, question_files
from rag.deps import Deps
from rag.errors import DocumentGone, QuestionError, QuestionSetError
from rag.ladder import Ladder, difference
from rag.question_sets import Context
from rag.trace import Stage
from tests import pdfs
from tests.flows.conftest import SUBJECT, Index

QUARTZ = "The supply of quartz sensors depends on a single foundry in Karlsruhe."


def add(deps: Deps, question: str, words: str) -> None:
    hit = own_questions.passages(deps, SUBJECT, words)[0]
    own_questions.add(deps, SUBJECT, question=question, document_id=hit.chunk.document_id, ord_=hit.chunk.ord, quote=hit.chunk.text)


def measure(deps: Deps, *contexts: Context) -> Ladder:
    found = own_questions.question_set(deps, SUBJECT, name="mine")
    return evaluate.run(deps, SUBJECT, evaluate.plan(deps, SUBJECT, found, contexts=contexts), progress=lambda *_: None)


def test_a_question_is_kept_once_with_its_passage_and_can_be_removed(deps: Deps, index: Index) -> None:
    index(deps, pdfs.report())
    for _ in range(2):
        add(deps, "Where do the sensors come from?", "quartz foundry")
    (kept,) = own_questions.collected(deps, SUBJECT)
    assert (kept.question, kept.filename) == ("Where do the sensors come from?", "report.pdf")
    assert "quartz" in kept.quote
    assert kept.page >= 1
    assert own_questions.collected(deps, "somebody-else") == []
    own_questions.remove(deps, "somebody-else", kept.id)
    assert own_questions.collected(deps, SUBJECT)
    own_questions.remove(deps, SUBJECT, kept.id)
    assert own_questions.collected(deps, SUBJECT) == []


def test_what_cannot_be_added_is_told(deps: Deps, index: Index) -> None:
    document = index(deps, pdfs.report())
    with pytest.raises(QuestionError):
        own_questions.add(deps, SUBJECT, question=" ? ", document_id=document.id, ord_=0, quote="x")
    with pytest.raises(DocumentGone):
        own_questions.add(deps, "somebody-else", question="Mine?", document_id=document.id, ord_=0, quote="x")
    with pytest.raises(QuestionSetError, match="no question to measure with"):
        own_questions.question_set(deps, SUBJECT, name="mine")


def test_the_own_index_is_asked_as_it_is_and_a_copy_without_context(deps: Deps, index: Index) -> None:
    index(deps, pdfs.report())
    index(deps, pdfs.chinese(), "nanling.pdf")
    add(deps, "quartz foundry", "quartz foundry")
    add(deps, "spring fair altimeter", "altimeter at the spring fair")
    ladder = measure(deps, Context.NONE, Context.STRUCTURAL)
    assert (len(ladder.questions), ladder.documents) == (2, 2)
    bm25 = {rung.context: rung for rung in ladder.rungs if rung.stage is Stage.BM25}
    assert bm25[Context.STRUCTURAL].ranks == ((1,), (1,))
    assert bm25[Context.NONE].values()["recall@5"].tolist() == [1, 1]
    assert [d.filename for d in library.documents(deps, SUBJECT)] == ["nanling.pdf", "report.pdf"]


def test_two_passages_for_one_question_are_two_gold_items(deps: Deps, index: Index) -> None:
    index(deps, pdfs.long_report(6))
    document = library.documents(deps, SUBJECT)[0]
    for chunk in library.chunks(deps, SUBJECT, document.id)[:2]:
        own_questions.add(deps, SUBJECT, question="What is reported?", document_id=document.id, ord_=chunk.ord, quote=chunk.text)
    (question,) = own_questions.question_set(deps, SUBJECT, name="mine").questions
    assert len(question.gold) == 2


def test_a_passage_is_found_again_after_its_document_was_cut_anew(deps: Deps, index: Index) -> None:
    document = index(deps, pdfs.report())
    own_questions.add(deps, SUBJECT, question="quartz foundry", document_id=document.id, ord_=99, quote=QUARTZ)
    ladder = measure(deps)
    assert ladder.unreachable == 0
    assert next(r for r in ladder.rungs if r.stage is Stage.BM25).ranks == ((1,),)


def test_runs_over_the_same_questions_can_be_compared(deps: Deps, index: Index) -> None:
    index(deps, pdfs.report())
    add(deps, "quartz foundry", "quartz foundry")
    measure(deps)
    add(deps, "spring fair altimeter", "altimeter at the spring fair")
    measure(deps)
    later, earlier = (evaluate.result(deps, SUBJECT, run.id) for run in evaluate.evaluations(deps, SUBJECT))
    assert later is not None
    assert earlier is not None
    mine, theirs = later.beside(earlier)
    assert [q.question for q in mine.questions] == [q.question for q in theirs.questions] == ["quartz foundry"]
    assert difference(theirs.rungs[0], mine.rungs[0], "recall@5").mean == 0
    run = evaluate.evaluations(deps, SUBJECT)[0]
    evaluate.delete(deps, SUBJECT, run.id)
    assert evaluate.result(deps, SUBJECT, run.id) is None


def test_a_deleted_document_takes_its_questions_along(deps: Deps, index: Index) -> None:
    document = index(deps, pdfs.report())
    add(deps, "quartz foundry", "quartz foundry")
    library.delete(deps, SUBJECT, document.id)
    assert own_questions.collected(deps, SUBJECT) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("q.csv", f'Question,Quote\nWhere from?,"{QUARTZ}"\nNowhere?,Words that stand in no document at all\n'),
        ("q.csv", f'\ufeffquote,document,question\r\n"{QUARTZ}",report,Where from?\r\n"{QUARTZ}",other.pdf,Elsewhere?\r\n'),
        (
            "q.jsonl",
            "\n".join(
                json.dumps({"id": n, "question": q, "gold": [{"document": d, "quote": QUARTZ}]})
                for n, (q, d) in enumerate([("Where from?", "report.pdf"), ("Elsewhere?", "other.pdf")])
            ),
        ),
    ],
)
def test_a_file_of_questions_is_taken_and_missing_passages_are_named(deps: Deps, index: Index, name: str, content: str) -> None:
    index(deps, pdfs.report())
    told = question_files.read_uploaded(name, content.encode())
    taken = own_questions.take(deps, SUBJECT, told)
    assert (taken.added, taken.known, len(taken.missing)) == (1, 0, 1)
    assert taken.missing[0].startswith(f"{name}:")
    assert own_questions.take(deps, SUBJECT, told).known == 1
    assert [one.quote for one in own_questions.collected(deps, SUBJECT)] == [QUARTZ]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("q.csv", b"a,b\n1,2\n", "needs the columns question and quote"),
        ("q.csv", b"question,quote\nWhy?,\n", "Line 2 of q.csv is wrong"),
        ("q.csv", b"question,quote\n", "holds no question"),
        ("q.csv", b"", "needs the columns"),
        ("q.csv", b"\xff\xfe", "is not UTF-8"),
        ("q.jsonl", b"{", "Line 1 of q.jsonl is wrong: it is no JSON"),
        ("q.jsonl", b"\n", "holds no question"),
    ],
)
def test_a_file_that_holds_no_questions_is_told(name: str, content: bytes, told: str) -> None:
    with pytest.raises(QuestionSetError, match=told):
        question_files.read_uploaded(name, content)


def test_contexts_written_by_a_model_are_measured_beside_the_structural_ones(deps: Deps, index: Index) -> None:
    index(deps, pdfs.report())
    add(deps, "quartz foundry", "quartz foundry")
    with as_subject(deps.pool, SUBJECT) as connection:
        connection.execute("update chunks set context_by = 'some-model'")
    ladder = measure(deps, Context.STRUCTURAL, Context.MODEL)
    assert {rung.context for rung in ladder.rungs} == {Context.STRUCTURAL, Context.MODEL}


def test_a_run_in_the_background_ends_by_itself(deps: Deps, index: Index, tmp_path: Path) -> None:
    index(deps, pdfs.report())
    add(deps, "quartz foundry", "quartz foundry")
    plan = evaluate.plan(deps, SUBJECT, own_questions.question_set(deps, SUBJECT, name="mine"))
    run = evaluate.begin_in_background(deps, SUBJECT, plan)
    import threading

    for thread in threading.enumerate():
        if thread.name == f"evaluate-{run.id}":
            thread.join(30)
    assert evaluate.result(deps, SUBJECT, run.id) is not None
