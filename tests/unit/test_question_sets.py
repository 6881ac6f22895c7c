"""Reading a set of questions: three kinds of folders, one sentence for each wrong line, samples that are the same every time."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from db.chunks import Draft
from rag import question_files, question_sets
from rag.errors import QuestionSetError
from rag.question_sets import Context, Gold, Kind, Question

QUESTION = {"id": "1", "question": "Where is quartz from?", "gold": [{"document": "a", "ord": 0}]}
CHUNK = {"document": "a", "ord": 0, "text": "Quartz comes from Karlsruhe.", "context": "On supply."}


def write(folder: Path, **files: list[Any] | str) -> Path:
    for name, records in files.items():
        lines = records if isinstance(records, str) else "\n".join(json.dumps(record, ensure_ascii=False) for record in records)
        (folder / f"{name}.jsonl").write_text(lines, "utf-8")
    return folder


def draft(text: str = "", ord_: int = 0, first: int = 1, last: int = 1) -> Draft:
    return Draft(ord=ord_, heading="", text=text, context="", first_page=first, last_page=last, sentences=())


def test_chunks_are_read_with_their_contexts(tmp_path: Path) -> None:
    found = question_files.load(write(tmp_path, questions=[QUESTION], chunks=[CHUNK]))
    assert (found.name, found.kind, found.contexts) == (tmp_path.name, Kind.CHUNKS, (Context.NONE, Context.GIVEN))
    assert found.sources[0].chunks[0].context == "On supply."
    assert found.questions[0].gold == (Gold(document="a", ord=0),)


def test_titles_beside_chunks_allow_structural_contexts(tmp_path: Path) -> None:
    documents = [{"document": "a", "title": "Annual report", "text": "Quartz comes from Karlsruhe."}]
    found = question_files.load(write(tmp_path, questions=[QUESTION], chunks=[CHUNK], documents=documents))
    assert found.contexts == (Context.NONE, Context.GIVEN, Context.STRUCTURAL)
    assert found.sources[0].title == "Annual report"


def test_texts_and_pdfs_are_told_apart(tmp_path: Path) -> None:
    quoted = {**QUESTION, "gold": [{"document": "a", "quote": "from Karlsruhe"}]}
    (tmp_path / "texts").mkdir()
    texts = question_files.load(write(tmp_path / "texts", questions=[quoted], documents=[{"document": "a", "text": "From Karlsruhe."}]))
    assert (texts.kind, texts.contexts, texts.has_pages) == (Kind.TEXTS, (Context.NONE, Context.STRUCTURAL), False)
    (tmp_path / "pdfs" / "documents").mkdir(parents=True)
    (tmp_path / "pdfs" / "documents" / "a.PDF").write_bytes(b"%PDF-")
    pdfs = question_files.load(write(tmp_path / "pdfs", questions=[{**QUESTION, "gold": [{"document": "a.pdf", "page": 3}]}]))
    assert (pdfs.kind, pdfs.sources[0].name, pdfs.has_pages) == (Kind.PDFS, "a.PDF", True)


def test_questions_without_gold_are_counted_and_left_out(tmp_path: Path) -> None:
    found = question_files.load(write(tmp_path, questions=[QUESTION, {"id": "2", "question": "Why?", "gold": []}], chunks=[CHUNK]))
    assert ([q.id for q in found.questions], found.without_gold) == (["1"], 1)


@pytest.mark.parametrize(
    ("second", "told"),
    [
        ("{oops", "it is no JSON"),
        ("[1]", "it is no JSON object"),
        ('{"id": "2"}', '"question" is missing or no text'),
        ('{"id": "2", "question": 7}', '"question" is missing or no text'),
        ('{"id": "1", "question": "Again?"}', "the id 1 stands in an earlier line too"),
        ('{"id": "2", "question": "Why?", "gold": "a"}', '"gold" is no list of objects'),
        ('{"id": "2", "question": "Why?", "gold": [{"ord": 1}]}', '"document" is missing'),
        ('{"id": "2", "question": "Why?", "gold": [{"document": "a", "page": 0}]}', '"page" is no number from 1 up'),
        ('{"id": "2", "question": "Why?", "gold": [{"document": "a", "ord": "x"}]}', '"ord" is no number from 0 up'),
    ],
)
def test_a_wrong_question_is_told_with_its_file_and_line(tmp_path: Path, second: str, told: str) -> None:
    write(tmp_path, questions=json.dumps(QUESTION) + "\n\n" + second, chunks=[CHUNK])
    with pytest.raises(QuestionSetError, match="Line 3 of ") as raised:
        question_files.load(tmp_path)
    assert "questions.jsonl" in str(raised.value)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, "holds no questions.jsonl"),
        ({"questions": [QUESTION]}, "neither documents/ with PDFs"),
        ({"questions": [QUESTION], "chunks": [CHUNK, CHUNK]}, "Line 2 of .*chunks.jsonl is wrong: chunk 0 of a stands in an earlier"),
        ({"questions": [QUESTION], "chunks": [{**CHUNK, "ord": None}]}, '"ord" is missing'),
        ({"questions": [QUESTION], "chunks": [{**CHUNK, "document": "b"}]}, "is answered by a, which is not in the set"),
        ({"questions": [{**QUESTION, "gold": []}], "chunks": [CHUNK]}, "nothing can be measured"),
        ({"questions": [QUESTION], "documents": [{"document": "a", "text": "x"}] * 2}, "the document a stands in an earlier line"),
    ],
)
def test_a_folder_that_is_no_set_is_told(tmp_path: Path, files: dict[str, list[Any]], told: str) -> None:
    with pytest.raises(QuestionSetError, match=told):
        question_files.load(write(tmp_path, **files))


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    write(tmp_path, chunks=[CHUNK])
    (tmp_path / "questions.jsonl").write_bytes(b'{"question": "\xff"}')
    with pytest.raises(QuestionSetError, match="not UTF-8"):
        question_files.load(tmp_path)


def test_gold_is_matched_by_what_it_tells() -> None:
    assert question_sets.finds(Gold(document="a", ord=3), draft(ord_=3))
    assert not question_sets.finds(Gold(document="a", ord=3), draft(ord_=4))
    assert question_sets.finds(Gold(document="a", page=3, quote="not looked at"), draft("text", first=2, last=3))
    assert not question_sets.finds(Gold(document="a", page=4), draft(first=2, last=3))
    assert question_sets.finds(Gold(document="a"), draft())


def test_a_quote_is_held_when_seven_of_ten_of_its_terms_are() -> None:
    quote = "one two three four five six seven eight nine ten"
    assert question_sets.holds("ten nine eight seven six five four", quote)
    assert not question_sets.holds("ten nine eight seven six five", quote)
    assert question_sets.holds(
        "据查，公司计划将可持续发展和社会责任纳入公司战略，识别相关风险。", "公司计划将可持续发展和社会责任纳入公司战略"
    )
    assert not question_sets.holds("公司在2017年10月向股东分发股利。", "公司计划将可持续发展和社会责任纳入公司战略")
    assert not question_sets.holds("anything", "…")


def test_a_sample_keeps_each_kind_in_its_share_and_is_the_same_every_time() -> None:
    kinds = [("fact", "en")] * 60 + [("sum", "en")] * 30 + [("fact", "zh")] * 10
    every = [Question(id=str(n), question="?", gold=(), type=t, language=lang) for n, (t, lang) in enumerate(kinds)]
    sample = question_sets.stratified(every, 20)
    assert Counter((q.type, q.language) for q in sample) == {("fact", "en"): 12, ("sum", "en"): 6, ("fact", "zh"): 2}
    assert sample == question_sets.stratified(every, 20)
    assert [int(q.id) for q in sample] == sorted(int(q.id) for q in sample)
    assert question_sets.stratified(every, 500) == every
    assert len(question_sets.stratified(every, 7)) == 7


def test_questions_are_chosen_by_language_and_number(tmp_path: Path) -> None:
    some = [{**QUESTION, "id": str(n), "language": "zh" if n % 2 else "en"} for n in range(6)]
    found = question_files.load(write(tmp_path, questions=some, chunks=[CHUNK]))
    assert [q.id for q in question_sets.chosen(found, language="zh", limit=2).questions] == ["1", "3"]
    with pytest.raises(QuestionSetError, match="its questions are in: en, zh"):
        question_sets.chosen(found, language="fr")


def test_names_meet_with_and_without_their_ending() -> None:
    assert question_sets.stem("Report.PDF") == question_sets.stem("Report") == "Report"
    assert question_sets.stem("notes.txt") == "notes.txt"
