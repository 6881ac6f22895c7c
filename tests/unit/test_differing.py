"""Two documents that say the same with different figures are noticed, and nothing else is."""

from __future__ import annotations

import pytest

from rag.differing import Statement, differ

QUESTION = "How many workers does Acme Mining employ at Northport?"
SAID = "At the end of the year Acme Mining employed 1,200 workers at the Northport mine."


def statement(said: str, document: str = "b.pdf", above: str = "") -> Statement:
    return Statement(document=document, text=said, above=above)


ONE = statement(SAID, "a.pdf")


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        (QUESTION, SAID, SAID.replace("1,200", "950")),
        ("When was Acme Mining founded?", "The company Acme Mining was founded in 1887 by Ada Holm.", "The company Acme Mining was founded in 1891 by Ada Holm."),
        ("华夏娱乐有限公司的员工人数是多少？", "截至年末，华夏娱乐有限公司的员工人数为1200人。", "截至年末，华夏娱乐有限公司的员工人数为950人。"),
    ],
)  # fmt: skip
def test_the_same_with_another_figure_differs(question: str, one: str, other: str) -> None:
    assert differ(question, statement(one, "a.pdf"), statement(other))
    assert differ(question, statement(other), statement(one, "a.pdf"))


@pytest.mark.parametrize(
    "other",
    [
        SAID,  # the same figure
        SAID.replace("Acme Mining", "Birch Foods").replace("1,200", "950"),  # about another
        SAID.replace("1,200", "many"),  # no figure
        "Acme Mining sold 950 tonnes of copper to three customers abroad.",  # something else
        SAID.replace("1,200", "950").replace("the year", "2021"),  # of a year that the first does not tell
        "截至年末，华夏娱乐有限公司的员工人数为950人。",
    ],
)
def test_anything_else_does_not(other: str) -> None:
    assert not differ(QUESTION, ONE, statement(other))


def test_one_document_is_not_set_against_itself() -> None:
    assert not differ(QUESTION, ONE, statement(SAID.replace("1,200", "950"), "a.pdf"))


def test_reports_of_different_years_may_tell_different_figures() -> None:
    one, other = statement(SAID, "a.pdf", "Annual report 2021"), statement(SAID.replace("1,200", "950"), "b.pdf", "Annual report 2022")
    assert not differ(QUESTION, one, other)


def test_years_differ_only_where_a_time_is_asked_for() -> None:
    one, other = (statement(f"The company Acme Mining was enlarged in {year} by Ada Holm.", f"{year}.pdf") for year in (1887, 1891))
    assert differ("When was Acme Mining enlarged?", one, other)
    assert not differ("Who enlarged Acme Mining?", one, other)


def test_a_company_that_nobody_names_may_be_two() -> None:
    told = "The company employed {} workers at the end of the year in its mines."
    assert not differ("How many workers does the company employ?", statement(told.format(12), "a.pdf"), statement(told.format(15)))
