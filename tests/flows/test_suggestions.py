"""First questions come from the documents' own headings, and are answered from there."""

from __future__ import annotations

import pytest

from db import as_subject
from db.documents import Selection
from rag.answer import answer
from rag.deps import Deps
from rag.search import search
from rag.suggestions import Suggestion, suggestions
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


def suggested(deps: Deps, *, language: str = "en", documents: tuple[int, ...] | None = None) -> list[Suggestion]:
    return suggestions(deps, SUBJECT, Selection(documents=documents), language=language)


def shown(deps: Deps, *, language: str = "en", documents: tuple[int, ...] | None = None) -> list[str]:
    return [suggestion.shown for suggestion in suggested(deps, language=language, documents=documents)]


def rules(town: str) -> bytes:
    """A page with two headed sections, as other towns have them."""
    hotels = f"In {town} the members pay hotel costs up to 180 euros a night, and the treasurer keeps a record of what they cost. " * 5
    meals = f"In {town} the members pay meals and drinks of up to 40 euros a day, and the treasurer keeps a record of what they had. " * 5
    return pdfs.first_page(("Hotel costs", 14), (hotels, 10), ("Meals and drinks", 14), (meals, 10))


def test_each_question_is_answered_from_the_section_and_the_document_it_comes_from(deps: Deps, index: Index) -> None:
    names = {index(deps, rules(town), f"rules_{town}.pdf").id: f"rules {town}" for town in ("Bergen", "Tromso", "Narvik")}
    found = suggested(deps)
    assert {suggestion.document for suggestion in found} == set(names.values())
    for suggestion in found:
        *_, last = answer(deps, SUBJECT, suggestion.question, selection=Selection())
        assert not last.abstained, suggestion
        assert last.citations[0].document_id is not None
        assert names[last.citations[0].document_id] == suggestion.document, suggestion
        (topic,) = (topic for topic in ("Hotel costs", "Meals and drinks") if topic in suggestion.shown)
        assert topic.lower() in last.citations[0].quote, suggestion


def test_a_document_without_headings_is_asked_about_by_its_name_and_last(deps: Deps, index: Index) -> None:
    index(deps, rules("Bergen"), "rules_Bergen.pdf")
    document = index(
        deps, pdfs.lines("The harbour was dug in 1871.", "It froze in 1879.", "A light was built in 1902."), "harbour_history.pdf"
    )
    found = suggested(deps)
    assert found[-1].shown == "What is “harbour history” about?"
    assert search(deps, SUBJECT, found[-1].question, selection=Selection(), top=3).hits[0].chunk.document_id == document.id


def test_an_empty_library_suggests_nothing(deps: Deps) -> None:
    assert suggested(deps) == []


def test_rubrics_numbers_and_torn_lines_are_not_asked_about(deps: Deps) -> None:
    rubrics = [
        "Table of contents",
        "Signatures",
        "Page 12",
        "of the following 14",
        "Bristol BS30 8XP",
        "Net cash provided by",
        "目录",
        "免责声明",
    ]
    add(deps, "manual.pdf", dict.fromkeys([*rubrics, "2.1 Cleaning the filter"], LONG))
    assert shown(deps) == ["What is said about “Cleaning the filter”?"]


def test_what_closes_a_document_is_not_asked_about_nor_anything_below_it(deps: Deps) -> None:
    closing = [
        "Conference Call Information",
        "PRESS CONTACTS: > News Media > Brian Ahern",
        "联系我们",
        "Forward-Looking Information and Factors",
    ]
    add(deps, "results.pdf", dict.fromkeys([*closing, "Fiscal 2031 Outlook"], LONG))
    assert shown(deps) == ["What is said about “Fiscal 2031 Outlook”?"]


def test_the_name_of_the_document_or_of_a_company_is_not_asked_about(deps: Deps) -> None:
    names = ["Harbour Light", "About Tromsdal International", "南岭光学股份有限公司"]
    add(deps, "HARBOURLIGHT_2031Q4_RESULTS.pdf", dict.fromkeys([*names, "Ferry services"], LONG))
    assert shown(deps) == ["What is said about “Ferry services”?"]


def test_a_heading_over_figures_comes_before_others_and_may_be_shorter(deps: Deps) -> None:
    add(deps, "results.pdf", {"Staff and training": LONG, "Sales by region": "North 1,204 1,180; South 998 1,020; East 731 690; " * 6})
    assert shown(deps) == ["What is said about “Sales by region”?", "What is said about “Staff and training”?"]


def test_capitals_are_not_shouted(deps: Deps) -> None:
    add(deps, "results.pdf", {"JOINT VENTURE WITH GSK": LONG})
    assert shown(deps) == ["What is said about “Joint venture with GSK”?"]


def test_a_heading_over_next_to_nothing_is_not_asked_about(deps: Deps) -> None:
    add(deps, "manual.pdf", {"Cleaning the filter": LONG, "Changing the lamp": "See page 9."})
    assert shown(deps) == ["What is said about “Cleaning the filter”?"]


def test_a_heading_that_is_a_question_is_asked_as_it_stands(deps: Deps) -> None:
    add(deps, "faq.pdf", {"3. How do I return an item?": LONG})
    assert shown(deps) == ["How do I return an item?"]


def test_with_several_documents_each_question_names_its_own_and_they_take_turns(deps: Deps) -> None:
    add(deps, "travel_rules.pdf", {"Hotel costs": LONG, "Meals and drinks": LONG})
    add(deps, "safety_rules.pdf", {"Fire alarm": LONG})
    found = suggested(deps)
    assert [(suggestion.shown, suggestion.document) for suggestion in found] == [
        ("What is said about “Fire alarm”?", "safety rules"),
        ("What is said about “Hotel costs”?", "travel rules"),
        ("What is said about “Meals and drinks”?", "travel rules"),
    ]
    assert found[0].question == "What is said about “Fire alarm” in “safety rules”?"


@pytest.mark.parametrize(
    ("title", "called"),
    [
        ("Rules for travel", "Rules for travel"),
        ("about:blank", "travel 2031"),
        ("https://example.org/rules", "travel 2031"),
        ("Microsoft Word - rules final.doc", "travel 2031"),
        ("travel_rules_v2", "travel 2031"),
        ("Rules for travel: how the members of the society go to sea and come back", "Rules for travel"),
        ("Rules by which the members of the society travel and come back from where they were", "travel 2031"),
    ],
)
def test_a_document_without_headings_is_called_by_its_title_where_that_is_one(deps: Deps, title: str, called: str) -> None:
    document = add(deps, "travel_2031.pdf", {"": LONG})
    with as_subject(deps.pool, SUBJECT) as connection:
        connection.execute("update documents set title = %s where id = %s", [title, document])
    assert shown(deps) == [f"What is “{called}” about?"]


def test_a_chinese_document_is_asked_about_in_chinese_and_first_for_a_chinese_reader(deps: Deps) -> None:
    english = add(deps, "rules.pdf", {"Hotel costs": LONG})
    chinese = add(deps, "制度.pdf", {"第三章 住宿标准": "出差住宿标准为每晚三百元，超出部分由个人承担。" * 20})
    with as_subject(deps.pool, SUBJECT) as connection:
        connection.execute("update documents set language = 'zh', title = '差旅管理' where id = %s", [chinese])
    first, second = suggested(deps, language="zh")
    assert (first.shown, first.document) == ("文档中关于“住宿标准”是怎么说的？", "制度")
    assert first.question == "《制度》中关于“住宿标准”是怎么说的？"
    assert second.question == "What is said about “Hotel costs” in “rules”?"
    (alone,) = suggested(deps, documents=(chinese,))
    assert alone == Suggestion(shown=first.shown, document="", question=first.shown)
    assert shown(deps, documents=(english,)) == ["What is said about “Hotel costs”?"]


def test_there_are_at_most_as_many_as_wanted_and_always_the_same(deps: Deps) -> None:
    names = ["Hotel costs", "Train fares", "Meals", "Lost luggage", "Parking", "Taxi rides", "Visa fees"]
    add(deps, "rules.pdf", {f"{place}. {name}": LONG for place, name in enumerate(names, start=1)})
    assert len(suggested(deps)) == 4
    assert suggested(deps) == suggested(deps)
    assert len(suggestions(deps, SUBJECT, Selection(), most=2, language="en")) == 2


def test_nobody_is_shown_what_another_persons_documents_hold(deps: Deps) -> None:
    add(deps, "rules.pdf", {"Hotel costs": LONG})
    assert suggestions(deps, "someone else", Selection(), language="en") == []
