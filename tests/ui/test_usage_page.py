"""Tokens and money as the page tells them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from streamlit.testing.v1 import AppTest

from db import as_subject
from pages.parts import i18n, money
from rag import usage
from rag.deps import Deps
from rag.providers import Usage
from tests.ui.conftest import SUBJECT, open_app, shown

HAIKU, SONNET = "claude-haiku-5-5", "claude-sonnet-5-5"


@pytest.fixture
def spend(deps: Deps) -> Callable[..., None]:
    def keep(billed: Usage, *, purpose: str = "answer", document_id: int | None = None, days_ago: int = 0) -> None:
        with as_subject(deps.pool, SUBJECT) as connection:
            usage.keep(deps, connection, billed, purpose=purpose, document_id=document_id)
            connection.execute("update usage set at = at - make_interval(days => %s) where id = (select max(id) from usage)", [days_ago])

    return keep


def page() -> str:
    return shown(open_app("pages/usage.py")).replace("\\", "")


def test_an_installation_that_sent_nothing_says_so(deps: Deps) -> None:
    said = page()
    assert "Nothing has been sent to a paid model yet." in said
    assert f"as listed on {money.day(deps.prices.date)}" in said
    assert str(deps.settings.home / "prices.toml") in said


def test_what_was_spent_is_added_up_by_model_and_by_month(spend: Callable[..., None]) -> None:
    spend(Usage(model=SONNET, input_tokens=1_000_000))
    spend(Usage(model=SONNET, output_tokens=100_000), days_ago=70)
    said = page()
    assert "$2.00" in said
    assert "$3.00" in said
    assert SONNET in said


def test_what_caching_and_batches_saved_is_told(spend: Callable[..., None]) -> None:
    spend(Usage(model=HAIKU, input_tokens=20_000, cache_read_tokens=80_000, batch=True), purpose="situate")
    said = page()
    assert "80%" in said
    assert "$0.0072 by the cache, $0.0014 by batches" in said


def test_tokens_of_an_unknown_model_are_shown_without_a_price(spend: Callable[..., None]) -> None:
    spend(Usage(model="nobody:knows", input_tokens=12_000))
    said = page()
    assert "price not known" in said
    assert "12K" in said
    assert "1 call is not in these sums" in said


def test_a_document_has_its_price_and_keeps_it_when_prices_change_or_it_is_deleted(
    deps: Deps, store: Callable[..., int], spend: Callable[..., None]
) -> None:
    document_id = store()
    spend(Usage(model=HAIKU, input_tokens=100_000), purpose="situate", document_id=document_id)
    assert "report.pdf\n$0.010\n100K" in page()
    with as_subject(deps.pool, SUBJECT) as connection:
        connection.execute("delete from documents where id = %s", [document_id])
    assert "Deleted documents\n$0.010\n100K" in page()


def test_an_answer_shows_its_price_below_it_with_its_reranking(deps: Deps, asked: Callable[[str], AppTest]) -> None:
    asked("Who chairs the board?")
    with as_subject(deps.pool, SUBJECT) as connection:
        (message,) = connection.execute("select id, conversation_id from messages").fetchall()
        connection.execute("delete from usage")  # the fake's own, which has no price
        for billed in (Usage(model=SONNET, input_tokens=8_000, output_tokens=400), Usage(model="rerank-v4.0-pro", search_units=2)):
            usage.keep(deps, connection, billed, purpose="answer", message_id=message[0])
    assert "$0.025" in shown(open_app("pages/chat.py", c=str(message[1])))
    assert "Who chairs the board?\n$0.025\n8K\n400" in page()


def test_an_answer_of_an_unknown_model_shows_that_its_price_is_not_known(asked: Callable[[str], AppTest]) -> None:
    assert "price not known" in shown(asked("Who chairs the board?"))


def test_another_persons_spending_is_not_shown(deps: Deps) -> None:
    with as_subject(deps.pool, "somebody else") as connection:
        usage.keep(deps, connection, Usage(model=SONNET, input_tokens=1_000_000), purpose="answer")
    assert "Nothing has been sent" in page()


@pytest.mark.parametrize(
    ("amount", "english", "chinese"),
    [
        ("0", "$0.00", "US$0.00"),
        ("1234.567", "$1,234.57", "US$1,234.57"),
        ("0.25", "$0.25", "US$0.25"),
        ("0.0984", "$0.098", "US$0.098"),
        ("0.000123", "$0.00012", "US$0.00012"),
        ("-0.0002", "-$0.00020", "-US$0.00020"),
    ],
)
def test_small_amounts_keep_two_digits_that_say_something(monkeypatch: pytest.MonkeyPatch, amount: str, english: str, chinese: str) -> None:
    assert money.dollars(Decimal(amount)) == english
    monkeypatch.setattr(i18n, "language", lambda: "zh")
    monkeypatch.setattr(money, "language", lambda: "zh")
    assert money.dollars(Decimal(amount)) == chinese
