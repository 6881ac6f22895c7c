"""The keyless answer quotes the sentences that answer, word for word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rag.differing import NOTICE
from rag.providers import BlockEnd, Cite, Text
from rag.providers.extract import QUOTED, Extract
from tests.passages import merged, passage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.providers import Answerer, Passage
    from rag.providers.e5 import E5


@pytest.fixture
def extract(e5: E5) -> Answerer:
    return Extract(e5)


def quotes(answerer: Answerer, question: str, passages: Sequence[Passage]) -> list[str]:
    return [event.quote for event in answerer.stream(question, passages, ()) if isinstance(event, Cite)]


HARBOUR = passage(
    "The harbour was built in 1887 by the engineer Ada Holm.",
    "Its two piers are made of granite from the nearby quarry.",
    "Fishing boats still land their catch there every morning.",
    title="A history of Northport",
)
RAILWAY = passage(
    "The railway reached the town in 1902.",
    "Tickets cost three pence, and the journey to the capital took four hours.",
    title="A history of Northport",
)
REPORT = passage(
    "公司成立于2001年5月，注册地为上海。",
    "二零二一年一月，董事会任命张伟为首席执行官。",
    "公司全年营业收入为12.6亿元，同比增长8%。",
    title="华夏娱乐有限公司年度报告",
)


def test_the_sentence_that_answers_comes_first(extract: Answerer) -> None:
    assert quotes(extract, "Who built the harbour?", [RAILWAY, HARBOUR])[0] == HARBOUR.sentences[0]
    assert quotes(extract, "How long did the train to the capital take?", [HARBOUR, RAILWAY])[0] == RAILWAY.sentences[1]


def test_a_chinese_question_is_answered_from_a_chinese_text(extract: Answerer) -> None:
    assert quotes(extract, "谁被任命为首席执行官？", [REPORT, HARBOUR])[0] == REPORT.sentences[1]
    assert quotes(extract, "公司的注册地在哪里？", [REPORT])[0] == REPORT.sentences[0]


def test_a_chinese_question_is_answered_from_an_english_text(extract: Answerer) -> None:
    assert quotes(extract, "港口是谁建造的？", [HARBOUR])[0] == HARBOUR.sentences[0]


def test_every_quote_is_the_very_sentence_that_its_citation_names(extract: Answerer) -> None:
    passages = [HARBOUR, RAILWAY, REPORT]
    cites = [event for event in extract.stream("When did the railway reach the harbour town?", passages, ()) if isinstance(event, Cite)]
    assert cites
    for cite in cites:
        assert cite.last == cite.first + 1
        assert passages[cite.passage].sentences[cite.first] == cite.quote


def test_each_sentence_is_a_block_with_one_citation(extract: Answerer) -> None:
    events = list(extract.stream("What are the piers of the harbour made of?", [HARBOUR], ()))
    kinds = [type(event) for event in events]
    assert kinds == [Text, Cite, BlockEnd] * (len(events) // 3)
    texts = [event.text for event in events if isinstance(event, Text)]
    cited = [event.quote for event in events if isinstance(event, Cite)]
    assert [text.strip() for text in texts] == cited


def test_at_most_four_sentences_are_quoted(extract: Answerer) -> None:
    days = passage(*(f"On day {n} the harbour received {n * 7} ships from overseas." for n in range(1, 12)))
    assert 1 <= len(quotes(extract, "How many ships did the harbour receive?", [days])) <= QUOTED


def test_a_sentence_that_says_the_same_again_is_quoted_once(extract: Answerer) -> None:
    again = passage("The harbour was built in 1887 by the engineer Ada Holm, it is said.", title="Another book", rank=2)
    quoted = quotes(extract, "Who built the harbour?", [HARBOUR, again])
    assert HARBOUR.sentences[0] in quoted
    assert again.sentences[0] not in quoted


def test_headings_and_fragments_are_not_quoted(extract: Answerer) -> None:
    torn = passage("Who built the harbour", "Harbour 12", "of the", "The harbour was built in 1887 by the engineer Ada Holm.")
    assert quotes(extract, "Who built the harbour?", [torn])[0] == torn.sentences[3]
    assert not set(quotes(extract, "Who built the harbour?", [torn])) & set(torn.sentences[:3])


def test_a_line_torn_from_a_chinese_table_is_not_quoted(extract: Answerer) -> None:
    torn = passage("月内的公司股价（或行业指数）的", "公司股价在六个月内上涨了百分之十。", title="研究报告")
    assert quotes(extract, "公司股价如何？", [torn]) == [torn.sentences[1]]


def test_a_label_with_its_value_is_quoted(extract: Answerer) -> None:
    form = passage("Case 17 of the district court.", "Chief judge: Q. Martin", "Clerk: A. Bell", title="Judgment of the court of Trenton")
    assert quotes(extract, "Who was the chief judge at Trenton?", [form])[0] == "Chief judge: Q. Martin"


def test_the_row_of_a_table_that_the_question_names_is_quoted(extract: Answerer) -> None:
    table = passage(
        "Net sales | 41,835 | 46,298",
        "Interest expense | 512 | 498",
        "Depreciation and amortization | 918 | 925",
        title="Annual report 2023",
        heading="Consolidated statements of earnings",
    )
    assert quotes(extract, "What was the interest expense in 2023?", [table])[0] == table.sentences[1]


def test_a_row_is_quoted_under_its_header_and_both_are_cited(extract: Answerer) -> None:
    table = passage(
        "($ in millions) | 2023 | 2022",
        "Net sales | 41,835 | 46,298",
        "Interest expense | 512 | 498",
        title="Annual report 2023",
        heading="Consolidated statements of earnings",
    )
    events = list(extract.stream("What was the interest expense in 2023?", [table], ()))
    assert isinstance(events[0], Text)
    assert events[0].text.startswith("($ in millions) | 2023 | 2022\n")
    assert "Interest expense | 512 | 498" in events[0].text.split("\n")
    cites = [event for event in events if isinstance(event, Cite)]
    assert [cite.quote for cite in cites] == events[0].text.split("\n")
    assert [table.sentences[cite.first] for cite in cites] == [cite.quote for cite in cites]


def test_rows_of_one_table_are_one_block_in_the_order_of_the_table(extract: Answerer) -> None:
    table = passage(
        "2023 | 2022", "Interest expense, bonds | 512 | 498", "Rent | 3 | 4", "Interest expense, loans and leases | 12 | 8", title="Report"
    )
    texts = [event.text for event in extract.stream("What was the interest expense?", [table], ()) if isinstance(event, Text)]
    assert texts == ["2023 | 2022\nInterest expense, bonds | 512 | 498\nInterest expense, loans and leases | 12 | 8"]


def test_a_comparison_quotes_from_each_document_it_names(extract: Answerer) -> None:
    told = "The company emitted {} tonnes of carbon dioxide in 2021, and wants to emit less."
    alder = passage(told.format("112,500"), *(f"Alder Foods emitted carbon dioxide at plant {n}." for n in range(8)), title="Alder Foods")
    birch = passage(told.format("10,000"), title="Birch Mining", rank=9)
    cedar = passage(told.format("77"), title="Cedar Hotels", rank=2)
    passages = [alder, cedar, birch]
    cites = [
        event
        for event in extract.stream("Which emitted more carbon dioxide in 2021, Alder Foods or Birch Mining?", passages, ())
        if isinstance(event, Cite)
    ]
    assert {passages[cite.passage].title for cite in cites} == {"Alder Foods", "Birch Mining"}
    assert len(cites) <= QUOTED


def test_a_row_that_the_question_does_not_name_is_not_quoted(extract: Answerer) -> None:
    table = passage("Goodwill | 1,400 | 1,383", "Inventories | 5,140 | 5,965", "The harbour was built in 1887 by Ada Holm.")
    assert quotes(extract, "Who built the harbour?", [table]) == ["The harbour was built in 1887 by Ada Holm."]


def test_the_title_tells_whose_company_a_sentence_means(extract: Answerer) -> None:
    told = "The company appointed a new chief executive in {} after a long search."
    alder = passage(told.format("March 2020"), title="Alder Foods annual report")
    birch = passage(told.format("June 2022"), title="Birch Mining annual report")
    assert quotes(extract, "When did Birch Mining appoint a new chief executive?", [alder, birch])[0] == birch.sentences[0]


def test_sentences_of_one_document_stand_together(extract: Answerer) -> None:
    one = passage("The harbour opened in May 1887.", "The harbour was enlarged in June 1911.", title="Book one")
    two = passage("The harbour opened again after the war in 1946.", title="Book two")
    three = passage("The harbour closed for two years in 1999.", title="Book one")
    passages = [one, two, three]
    cites = [event for event in extract.stream("When did the harbour open?", passages, ()) if isinstance(event, Cite)]
    titles = [passages[cite.passage].title for cite in cites]
    assert len(set(titles)) == 2
    assert titles == sorted(titles, key=titles.index)


def test_nothing_is_quoted_when_nothing_has_to_do_with_the_question(extract: Answerer) -> None:
    assert quotes(extract, "zxcv qwer asdf", [HARBOUR, REPORT]) == []


def test_nothing_is_quoted_from_nothing(extract: Answerer) -> None:
    assert quotes(extract, "Who built the harbour?", []) == []
    assert quotes(extract, "Who built the harbour?", [passage(), passage("12", "")]) == []


def test_the_context_is_never_quoted(extract: Answerer) -> None:
    told = passage("The piers are of granite from a quarry nearby.", context="The harbour was built by Ada Holm, chapter 2.")
    assert "The harbour was built by Ada Holm, chapter 2." not in quotes(extract, "Who built the harbour?", [told])


def test_it_sends_nothing_away_and_says_that_it_is_an_extract(extract: Answerer) -> None:
    assert extract.recipient is None
    assert extract.is_extract


def test_a_short_sentence_leans_on_the_end_of_the_chunk_before_it(extract: Answerer) -> None:
    """Neighbouring chunks are read as one passage: "It took nine years" says of what."""
    begun = passage("Ada Holm began the harbour of Northport in 1878.", title="A history of Northport")
    went_on = passage("It took nine years.", "The town paid for the work with a tax on salt.", title="A history of Northport", rank=2)
    read = [merged(begun, went_on), RAILWAY]

    (first, *_) = [
        event for event in extract.stream("How many years did it take to build the harbour?", read, ()) if isinstance(event, Cite)
    ]

    assert (first.passage, first.first, first.quote) == (0, 1, "It took nine years.")


def test_two_documents_that_differ_are_quoted_behind_a_notice(extract: Answerer) -> None:
    told = "At the end of the year Acme Mining employed {} workers at the Northport mine."
    one = passage(told.format("1,200"), "The mine is deep.", title="Letter to the owners", source="letter.pdf, p. 1")
    two = passage(told.format("950"), title="Report of the council", source="council.pdf, p. 2", rank=2)
    events = list(extract.stream("How many workers did Acme Mining employ at the Northport mine?", [one, two], ()))
    assert events[:2] == [Text(text=NOTICE), BlockEnd()]
    assert {event.quote for event in events if isinstance(event, Cite)} == {told.format("1,200"), told.format("950")}
