"""First questions come from the documents' own headings, and the search answers them from there."""

from __future__ import annotations

from db import as_subject
from db.documents import Selection
from rag.deps import Deps
from rag.search import search
from rag.suggestions import suggestions
from tests import pdfs
from tests.flows.conftest import SUBJECT, Index
from tests.postgres.corpus import add_document

LONG = "The members of the board meet every month and keep a record of what they decide about it. " * 12


def add(deps: Deps, filename: str, headed: dict[str, str]) -> int:
    """A published document, one chunk a heading."""
    with as_subject(deps.pool, SUBJECT) as connection:
        document_id = add_document(connection, filename, list(headed.values()))
        for place, heading in enumerate(headed):
            connection.execute("update chunks set heading = %s where document_id = %s and ord = %s", [heading, document_id, place])
        connection.execute("update documents set language = 'en', title = '' where id = %s", [document_id])
    return document_id


def asked(deps: Deps, *, language: str = "en", documents: tuple[int, ...] | None = None) -> list[str]:
    return suggestions(deps, SUBJECT, Selection(documents=documents), language=language)


def test_each_question_finds_the_section_it_comes_from(deps: Deps, index: Index) -> None:
    document = index(deps, pdfs.long_report(12))
    add(
        deps,
        "rules.pdf",
        {"Travel > Hotel costs": LONG + "Hotel costs are paid up to 180 euros.", "Travel > Meals": LONG + "Meals are paid."},
    )
    questions = asked(deps)
    assert questions
    for question in questions:
        best = search(deps, SUBJECT, question, selection=Selection(), top=3).hits
        named = [hit for hit in best if hit.chunk.heading.rpartition(" > ")[2] in question or hit.chunk.document_id == document.id]
        assert named, question


def test_an_empty_library_suggests_nothing(deps: Deps) -> None:
    assert asked(deps) == []


def test_rubrics_numbers_and_torn_lines_are_not_asked_about(deps: Deps) -> None:
    add(
        deps,
        "manual.pdf",
        {
            "Table of contents": LONG,
            "Signatures": LONG,
            "Page 12": LONG,
            "of the following 14": LONG,
            "Bristol BS30 8XP": LONG,
            "目录": LONG,
            "2.1 Cleaning the filter": LONG,
        },
    )
    assert asked(deps) == ["What is said about Cleaning the filter?"]


def test_a_heading_over_next_to_nothing_is_not_asked_about(deps: Deps) -> None:
    add(deps, "manual.pdf", {"Cleaning the filter": LONG, "Changing the lamp": "See page 9."})
    assert asked(deps) == ["What is said about Cleaning the filter?"]


def test_a_heading_that_is_a_question_is_asked_as_it_stands(deps: Deps) -> None:
    add(deps, "faq.pdf", {"3. How do I return an item?": LONG})
    assert asked(deps) == ["How do I return an item?"]


def test_with_several_documents_each_question_names_its_own_and_they_take_turns(deps: Deps) -> None:
    add(deps, "travel_rules.pdf", {"Hotel costs": LONG, "Meals and drinks": LONG})
    add(deps, "safety_rules.pdf", {"Fire alarm": LONG})
    questions = asked(deps)
    assert questions[:2] == ["What does safety rules say about Fire alarm?", "What are the Hotel costs of travel rules?"]
    assert len(questions) == 3


def test_a_document_without_headings_is_asked_about_by_its_name(deps: Deps) -> None:
    add(deps, "harbour_history.pdf", {"": LONG})
    assert asked(deps) == ["What is harbour history about?"]


def test_a_chinese_document_is_asked_about_in_chinese_and_first_for_a_chinese_reader(deps: Deps) -> None:
    english = add(deps, "rules.pdf", {"Hotel costs": LONG})
    chinese = add(deps, "制度.pdf", {"第三章 住宿标准": "出差住宿标准为每晚三百元，超出部分由个人承担。" * 20})
    with as_subject(deps.pool, SUBJECT) as connection:
        connection.execute("update documents set language = 'zh', title = '差旅管理' where id = %s", [chinese])
    assert asked(deps, language="zh") == ["《差旅管理》中关于“住宿标准”是怎么说的？", "What are the Hotel costs of rules?"]
    assert asked(deps, documents=(chinese,)) == ["文档中关于“住宿标准”是怎么说的？"]
    assert asked(deps, documents=(english,)) == ["What are the Hotel costs?"]


def test_there_are_at_most_as_many_as_wanted_and_always_the_same(deps: Deps) -> None:
    names = ["Hotel costs", "Train fares", "Meals", "Lost luggage", "Parking", "Taxi rides", "Visa fees"]
    add(deps, "rules.pdf", {f"{place}. {name}": LONG for place, name in enumerate(names, start=1)})
    assert len(asked(deps)) == 4
    assert asked(deps) == asked(deps)
    assert len(suggestions(deps, SUBJECT, Selection(), most=2, language="en")) == 2


def test_nobody_is_shown_what_another_persons_documents_hold(deps: Deps) -> None:
    add(deps, "rules.pdf", {"Hotel costs": LONG})
    assert suggestions(deps, "someone else", Selection(), language="en") == []
