"""Tokens: what BM25 counts and what quoted phrases compare."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import text


def test_words_are_lower_cased_and_stemmed() -> None:
    assert text.terms("Companies operated") == text.terms("company operates")


def test_a_code_is_found_whole_and_in_parts() -> None:
    found = text.terms("XYZ-123")
    assert {"xyz-123", "xyz", "123"} <= set(found)


def test_an_identifier_is_found_by_its_humps() -> None:
    assert {"diffexecutor", "diff", "executor"} <= set(text.terms("DiffExecutor"))


@pytest.mark.parametrize(
    "code",
    [
        *["AB-9000", "2023-06-30", "10.5", "CVE-2024-12345", "12.3.4", "(a)(1)", "4(a)(2)", "10b-5", "v1.2.3-rc1", "S&P", "O'Neil", "a_b"],
        *["jane.doe@example.com", "C++", "C#", ".NET", "AA+", "A-1+", "AB/12-3"],
    ],
)
def test_a_code_keeps_a_whole_form_and_is_found_by_its_parts(code: str) -> None:
    found = text.terms(f"see {code}, there")
    assert code.lower() in found
    assert code.lower() in text.parse_query(code).terms
    assert code == "10.5" or {text._stem(word) for word in text.words(code)} <= set(found)


@pytest.mark.parametrize(
    ("inside", "asked"),
    [
        ("AB-9000/12", "AB-9000"),
        ("v1.2.3", "1.2.3"),
        ("§12.3", "12.3"),
        ("4(a)(2)", "4(a)"),
        ("https://www.example.com/a-b?x=1", "example.com"),
        ("jane.doe@example.com", "example.com"),
        ("2023-06-30T12:00:00Z", "2023-06-30"),
        ("C++17", "C++"),
    ],
)
def test_a_name_inside_a_longer_one_is_found_by_itself(inside: str, asked: str) -> None:
    assert text.terms(asked)[0] in text.terms(inside)


@pytest.mark.parametrize(
    "forms",
    [
        ["§12", "§ 12", "§§ 12"],
        ["第十二条", "第12条", "第１２条"],
        ["第一百零五章", "第105章"],
        ["第二〇条", "第二十条", "第20条"],
        ["1,234,567.5", "1234567.5"],
        ["XYZ-123", "XYZ\u2011123", "XYZ\u2013123", "ＸＹＺ－１２３"],
        ["O'Neil", "O\u2019Neil"],
        ["operated", "ope\u00adrated"],
    ],
)
def test_forms_of_one_thing_meet_in_a_term_of_their_own(forms: list[str]) -> None:
    shared = set.intersection(*(set(text.terms(form)) for form in forms))
    assert shared - {"12", "第", "条", "章"}


def test_an_article_is_told_from_its_neighbours() -> None:
    assert "第12条" in text.terms("依照第十二条")
    assert not {"第12条", "第2条"} & set(text.terms("依照第一百一十二条"))


def test_a_number_is_one_number_with_or_without_thousands_marks() -> None:
    assert text.terms("1,234.5") == text.terms("1234.5") == ["1234.5"]
    assert text.terms("1,2,3") == ["1", "2", "3"]


def test_a_possessive_counts_as_its_owner() -> None:
    assert text.terms("Amcor's") == text.terms("Amcor\u2019s") == text.terms("Amcor")


def test_full_width_and_half_width_forms_meet() -> None:
    assert text.terms("ＡＢＣ－１２３") == text.terms("ABC-123")


def test_a_run_of_han_characters_gives_words_and_marked_bigrams() -> None:
    found = text.terms("现金流量表")
    assert "现金流量" in found or "现金" in found
    assert {"~现金", "~金流", "~流量", "~量表"} <= set(found)


def test_a_bigram_is_never_mistaken_for_a_word() -> None:
    words = {t for t in text.terms("研究生命起源") if not t.startswith("~")}
    assert "究生" not in words


def test_phrase_words_are_surface_words_and_single_han_characters() -> None:
    assert text.words("Net incomes 净利润") == ["net", "incomes", "净", "利", "润"]


def test_a_query_is_taken_apart_into_text_phrases_and_exclusions() -> None:
    query = text.parse_query('what is "net income" of Amcor -draft')
    assert query.text == "what is net income of Amcor"
    assert query.phrases == (("net", "income"),)
    assert query.excluded == (("draft",),)
    assert "draft" not in query.terms


@pytest.mark.parametrize(
    "question",
    [
        "year-end XYZ-123",
        "-5 degrees",
        "growth of -5 %",
        "a - b",
        "--verbose",
        "income –net",
        "5" + '" pipe and 6" pipe',
        '-"net',
        '""',
        '"…"',
    ],
)
def test_a_hyphen_or_a_quotation_mark_that_is_no_operator_changes_nothing(question: str) -> None:
    query = text.parse_query(question)
    assert (query.phrases, query.excluded) == ((), ())
    assert set(query.terms) == set(text.terms(question))


@pytest.mark.parametrize("question", ['"净利润"是多少', "“净利润”是多少", "「净利润」是多少", "『净利润』是多少", "＂净利润＂是多少"])
def test_every_kind_of_quotation_mark_quotes(question: str) -> None:
    assert text.parse_query(question).phrases == (("净", "利", "润"),)


def test_a_phrase_may_be_excluded() -> None:
    query = text.parse_query('income -"net income" -草稿 "cash -flow"')
    assert query.excluded == (("net", "income"), ("草", "稿"))
    assert query.phrases == (("cash", "flow"),)
    assert query.text == "income cash -flow"


def test_what_goes_beyond_the_limits_is_not_searched_for() -> None:
    many = text.parse_query(" ".join(f'"phrase {n}" -not{n}' for n in range(300)))
    assert len(many.phrases) + len(many.excluded) == text.MOST_OPERATORS
    long = text.parse_query(f'"{"word " * 300}"')
    assert (long.phrases, long.terms) == ((), ("word",))
    assert len(text.parse_query(" ".join(f"w{n}" for n in range(99_999))).terms) <= text.MOST_TERMS


def test_a_repeated_query_term_counts_once() -> None:
    assert text.parse_query("income income income").terms.count("incom") == 1


# any characters, and texts of what tokens and operators are made of
characters = st.text(max_size=300) | st.text(alphabet=st.characters(), max_size=60)
pieces = st.lists(
    st.sampled_from(
        [*"ab1Z净利第十条§.-_/:,&@()+#\"“”「」'’ \n\x00\ud800\u2011\u200b½①", "12", "Net", "incomes", "1,234", "'s", "T12:30", "2023-06-30"]
    ),
    max_size=40,
).map("".join)
samples = characters | pieces


@given(samples)
def test_any_text_gives_terms_and_a_literal_without_error(sample: str) -> None:
    assert all(0 < len(t) <= text.LONGEST_TERM for t in text.terms(sample))
    query = text.parse_query(sample)
    assert len(set(query.terms)) == len(query.terms)
    query.text.encode()
    literal = text.tsvector_literal(text.words(sample))
    assert literal.count(":") >= len(set(text.words(sample)))


@given(samples)
def test_to_normalise_twice_changes_nothing(sample: str) -> None:
    assert text.normalise(text.normalise(sample)) == text.normalise(sample)


@given(samples, st.data())
def test_a_text_has_every_term_that_is_sure_of_a_phrase_in_it(sample: str, data: st.DataObject) -> None:
    whole = list(text._STRETCH.finditer(text.normalise(sample)))
    if whole:
        first, last = sorted(data.draw(st.tuples(*[st.integers(0, len(whole) - 1)] * 2)))
        phrase = text.normalise(sample)[whole[first].start() : whole[last].end()]
        assert set(text._sure_terms(phrase)) <= set(text.terms(sample))


@given(samples)
def test_a_question_in_the_words_of_a_text_finds_it(sample: str) -> None:
    query = text.parse_query(sample)
    if not query.phrases and not query.excluded:
        assert set(query.terms) == set(text.terms(sample))


@pytest.mark.parametrize(
    ("sample", "expected"),
    [("Net income rose.", "en"), ("净利润增长了百分之五", "zh"), ("本公司 (ABC Ltd) 的净利润有所增长", "zh"), ("123", "")],
)
def test_the_language_is_that_of_most_words(sample: str, expected: str) -> None:
    assert text.language(sample) == expected


def test_an_embedded_table_row_keeps_its_labels_and_loses_its_figures() -> None:
    table = "AMCOR 2023. Columns: 2023 | 2022\nYears ended | June 30, 2023\nNet sales | $14,694 | 14,544\n(12) | 5\nIt cost 5 dollars."
    assert text.without_figures(table).split("\n") == [
        "AMCOR 2023. Columns: 2023",
        "Years ended | June 30, 2023",
        "Net sales",
        "It cost 5 dollars.",
    ]
