"""Questions in files: the folder of a set, and what a person uploads.

A folder holds questions.jsonl and one of documents/ (PDFs), documents.jsonl ({document, title, text}) or chunks.jsonl ({document, ord,
text, context}; documents.jsonl beside it may tell titles). A question: {id, question, type?, language?, gold: [{document, ord?, page?,
quote?}]}. Other keys are left alone.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rag.errors import QuestionSetError
from rag.question_sets import GivenChunk, Gold, Kind, Question, QuestionSet, Source, stem


def load(folder: Path) -> QuestionSet:
    """Read a set. Raises QuestionSetError naming the file and the line that is wrong."""
    if not (folder / "questions.jsonl").is_file():
        raise QuestionSetError(f"{folder} holds no questions.jsonl. docs/users/evaluating.md describes the folder of a question set.")
    kind, sources = _sources(folder)
    names = {stem(source.name) for source in sources}
    questions = read_questions(folder / "questions.jsonl")
    for question in questions:
        for gold in question.gold:
            if stem(gold.document) not in names:
                raise QuestionSetError(
                    f"Question {question.id} of {folder / 'questions.jsonl'} is answered by {gold.document}, which is not in the set."
                )
    answered = tuple(question for question in questions if question.gold)
    if not answered:
        raise QuestionSetError(
            f"No question in {folder / 'questions.jsonl'} names the passage that answers it, so nothing can be measured."
        )
    return QuestionSet(
        name=folder.resolve().name, kind=kind, sources=sources, questions=answered, without_gold=len(questions) - len(answered)
    )


@dataclass(frozen=True, kw_only=True)
class Told:
    """A question of an uploaded file, with the passage that answers it; `where` names its line for a person."""

    where: str
    question: str
    quote: str
    document: str  # file name; "" for any


def read_uploaded(filename: str, content: bytes) -> list[Told]:
    """The questions of a CSV file with the columns question and quote (and document, if any), or of a questions.jsonl.

    Raises QuestionSetError naming the line that is wrong.
    """
    try:
        said = content.decode("utf-8-sig").replace("\x00", " ")
    except UnicodeDecodeError as error:
        raise QuestionSetError(f"{filename} is not UTF-8. Save it as UTF-8 and upload that.") from error
    found = _told_in_csv(filename, said) if filename.lower().endswith(".csv") else _told_in_json(filename, said)
    if not found:
        raise QuestionSetError(f"{filename} holds no question.")
    return found


def _told_in_csv(filename: str, said: str) -> list[Told]:
    rows = csv.DictReader(io.StringIO(said), skipinitialspace=True)
    columns = {str(name).strip().lower(): name for name in rows.fieldnames or ()}
    if not {"question", "quote"} <= columns.keys():
        raise QuestionSetError(f"{filename} needs the columns question and quote in its first line.")
    found: list[Told] = []
    for row in rows:
        question, quote, document = ((row.get(columns.get(name)) or "").strip() for name in ("question", "quote", "document"))
        if question or quote:
            if not (question and quote):
                raise QuestionSetError(f"Line {rows.line_num} of {filename} is wrong: question or quote is missing.")
            found.append(Told(where=f"{filename}:{rows.line_num}", question=question, quote=quote, document=document))
    return found


def _told_in_json(filename: str, said: str) -> list[Told]:
    return [
        Told(where=f"{filename}:{line}", question=question.question, quote=gold.quote, document=gold.document)
        for line, question in _questions(filename, said)
        for gold in question.gold
    ]


def read_questions(path: Path) -> list[Question]:
    """The questions of a questions.jsonl. Raises QuestionSetError naming the line."""
    return [question for _, question in _questions(path, _content(path))]


def _questions(path: Path | str, content: str) -> Iterator[tuple[int, Question]]:
    """Line numbers from 1, and questions."""
    seen: set[str] = set()
    for line, record in _records(path, content):
        gold = record.get("gold", [])
        if not isinstance(gold, list) or not all(isinstance(item, dict) for item in gold):
            raise _wrong(path, line, '"gold" is no list of objects')
        question = Question(
            id=str(record.get("id", line)),
            question=_string(record, "question", path, line),
            type=str(record.get("type") or ""),
            language=str(record.get("language") or ""),
            gold=tuple(
                Gold(
                    document=_string(item, "document", path, line),
                    ord=_integer(item, "ord", path, line, least=0),
                    page=_integer(item, "page", path, line, least=1),
                    quote=str(item.get("quote") or ""),
                )
                for item in gold
            ),
        )
        if question.id in seen:
            raise _wrong(path, line, f"the id {question.id} stands in an earlier line too")
        seen.add(question.id)
        yield line, question


def _sources(folder: Path) -> tuple[Kind, tuple[Source, ...]]:
    told = _texts(folder / "documents.jsonl") if (folder / "documents.jsonl").is_file() else ()
    if (folder / "chunks.jsonl").is_file():
        return Kind.CHUNKS, _chunks(folder / "chunks.jsonl", {source.name: source for source in told})
    if told:
        return Kind.TEXTS, told
    paths = sorted(p for p in (folder / "documents").glob("*") if p.suffix.lower() == ".pdf" and p.is_file())
    if not paths:
        raise QuestionSetError(f"{folder} holds neither documents/ with PDFs, nor documents.jsonl, nor chunks.jsonl.")
    return Kind.PDFS, tuple(Source(name=path.name, path=path) for path in paths)


def _texts(path: Path) -> tuple[Source, ...]:
    found: dict[str, Source] = {}
    for line, record in _records(path, _content(path)):
        name = _string(record, "document", path, line)
        if name in found:
            raise _wrong(path, line, f"the document {name} stands in an earlier line too")
        found[name] = Source(name=name, title=str(record.get("title") or ""), text=_string(record, "text", path, line))
    return tuple(found.values())


def _chunks(path: Path, told: dict[str, Source]) -> tuple[Source, ...]:
    found: dict[str, dict[int, GivenChunk]] = {}
    for line, record in _records(path, _content(path)):
        name, ord_ = _string(record, "document", path, line), _integer(record, "ord", path, line, least=0)
        if ord_ is None:
            raise _wrong(path, line, '"ord" is missing')
        if ord_ in found.setdefault(name, {}):
            raise _wrong(path, line, f"chunk {ord_} of {name} stands in an earlier line too")
        found[name][ord_] = GivenChunk(ord=ord_, text=_string(record, "text", path, line), context=str(record.get("context") or ""))
    return tuple(
        replace(told.get(name, Source(name=name)), chunks=tuple(chunk for _, chunk in sorted(chunks.items())))
        for name, chunks in found.items()
    )


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise QuestionSetError(f"{path} cannot be read: {reason}.") from error


def _records(path: Path | str, content: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line numbers from 1, and objects."""
    for line, said in enumerate(content.split("\n"), start=1):  # a text may hold other line ends than JSON's
        if not said.strip():
            continue
        try:
            record = json.loads(said)
        except ValueError as error:
            raise _wrong(path, line, "it is no JSON") from error
        if not isinstance(record, dict):
            raise _wrong(path, line, "it is no JSON object")
        yield line, record


def _string(record: dict[str, Any], key: str, path: Path | str, line: int) -> str:
    value = record.get(key)
    if not isinstance(value, str) or not value.strip():
        raise _wrong(path, line, f'"{key}" is missing or no text')
    return value.replace("\x00", " ")


def _integer(record: dict[str, Any], key: str, path: Path | str, line: int, *, least: int) -> int | None:
    value = record.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < 1 << 24:  # an ordinal fits a posting
        raise _wrong(path, line, f'"{key}" is no number from {least} up')
    return value


def _wrong(path: Path | str, line: int, what: str) -> QuestionSetError:
    return QuestionSetError(f"Line {line} of {path} is wrong: {what}.")
