"""A follow-up takes along what it leaves to the earlier questions; a question that stands alone is left alone."""

from __future__ import annotations

import pytest

from rag.followup import standalone
from rag.providers import Turn


def asked(*questions: str) -> list[Turn]:
    return [Turn(question=question, answer="An answer.") for question in questions]


REVENUE = "What was Acme's revenue in 2023?"


@pytest.mark.parametrize(
    ("before", "question", "whole"),
    [
        # another period
        (REVENUE, "And in 2022?", "What was Acme's revenue in 2022?"),
        (REVENUE, "and 2022?", "What was Acme's revenue in 2022?"),
        (REVENUE, "What about 2022?", "What was Acme's revenue in 2022?"),
        (REVENUE, "In 2022?", "What was Acme's revenue in 2022?"),
        (REVENUE, "how about fiscal 2021 then?", "What was Acme's revenue in fiscal 2021?"),
        (REVENUE, "And in the second quarter?", "What was Acme's revenue in the second quarter 2023?"),
        ("What was Acme's FY2023 revenue?", "And 2022?", "What was Acme's FY2022 revenue?"),
        ("What was Acme's revenue?", "And in 2022?", "What was Acme's revenue in 2022?"),
        ("What was Acme's revenue?", "And 2022?", "What was Acme's revenue in 2022?"),
        ("华夏娱乐2023年的营业收入是多少？", "2022年呢？", "华夏娱乐2022年的营业收入是多少？"),
        ("华夏娱乐2023年的营业收入是多少？", "那2022年呢？", "华夏娱乐2022年的营业收入是多少？"),
        ("华夏娱乐的营业收入是多少？", "2022年呢？", "2022年华夏娱乐的营业收入是多少？"),
        ("华夏娱乐2023年的营业收入是多少？", "第二季度呢？", "华夏娱乐2023年第二季度的营业收入是多少？"),
        # another name
        (REVENUE, "What about Beta Corp?", "What was Beta Corp's revenue in 2023?"),
        ("When did JetWing Aviation publish its report?", "And Energex Corporation?", "When did Energex Corporation publish its report?"),
        ("华夏娱乐有限公司的注册地在哪里？", "农业发展有限公司呢？", "农业发展有限公司的注册地在哪里？"),
        # whose
        (REVENUE, "What were its main risks?", "What were Acme's main risks?"),
        ("华夏娱乐有限公司的注册地在哪里？", "它的营业收入是多少？", "华夏娱乐有限公司的营业收入是多少？"),
        # anything else goes behind the earlier question
        (REVENUE, "And the net income?", f"{REVENUE} And the net income?"),
        (REVENUE, "Why?", f"{REVENUE} Why?"),
        (REVENUE, "How much was it the year before?", f"{REVENUE} How much was it the year before?"),
        (REVENUE, "Tell me more", f"{REVENUE} Tell me more"),
        (REVENUE, "What else?", f"{REVENUE} What else?"),
        ("Who built the harbour?", "When did it open?", "Who built the harbour? When did it open?"),
        ("Who built the harbour?", "What did the town pay for it?", "Who built the harbour? What did the town pay for it?"),
        ("Who is the chief executive of Acme?", "Where did she study?", "Who is the chief executive of Acme? Where did she study?"),
        ("What changed in the policy?", "Who approved these changes?", "What changed in the policy? Who approved these changes?"),
        ("What changed in the policy?", "What does that mean?", "What changed in the policy? What does that mean?"),
        ("Compare Acme and Beta.", "Which one is larger?", "Compare Acme and Beta. Which one is larger?"),
        ("港口是谁建造的？", "它是什么时候开放的？", "港口是谁建造的？ 它是什么时候开放的？"),
        ("港口是谁建造的？", "为什么？", "港口是谁建造的？ 为什么？"),
        ("谁批准了这项政策？", "那是什么时候？", "谁批准了这项政策？ 那是什么时候？"),
        ("华夏娱乐2023年的营业收入是多少？", "净利润呢？", "华夏娱乐2023年的营业收入是多少？ 净利润呢？"),
        ("公司有哪些董事？", "还有呢？", "公司有哪些董事？ 还有呢？"),
        ("公司有哪些董事？", "其中谁是独立董事？", "公司有哪些董事？ 其中谁是独立董事？"),
        # several years are too many to change one
        ("How did revenue grow from 2020 to 2023?", "And in 2019?", "How did revenue grow from 2020 to 2023? And in 2019?"),
        # from one language into the other
        (REVENUE, "2022年呢？", "What was Acme's revenue in 2022?"),
    ],
)
def test_a_follow_up_takes_the_earlier_question_along(before: str, question: str, whole: str) -> None:
    assert standalone(question, asked(before)) == whole


@pytest.mark.parametrize(
    "question",
    [
        "What was the net income of Beta Corp in 2021?",
        "net income 2022",
        "Vacation policy?",
        "Who built the harbour?",
        "How did Acme improve its margins in 2022?",
        "How do employees claim their expenses?",
        "What is this document about?",
        "Which rules apply to those who travel abroad?",
        "What are the rules that apply to travel?",
        "How long does it take to renew a passport?",
        "Is it possible to cancel the order?",
        "Is there a limit for hotel costs?",
        "How many employees are there?",
        "If a customer loses the card, how can he replace it?",
        "What happens when the tank is empty and how do I fill it?",
        "What does the agreement say about termination?",
        "In which year did the railway reach the town?",
        "For how long is the warranty valid?",
        "Summarize the annual report",
        "Does the board have to approve its own minutes?",
        "What are the duties of the former chief executive?",
        'What does "force majeure" mean?',
        "error code E-1047",
        "2023 annual report",
        "华夏娱乐有限公司的注册地在哪里？",
        "华夏娱乐在2020年对其治理结构做了哪些改变？",
        "其他应收款是多少？",
        "公司为什么亏损呢？",
        "这份报告讲了什么？",
        "哪家公司的排放量更高，农业发展还是拓远科技？",
        "2022年的净利润是多少？",
        "出差的住宿标准是什么？",
        "如果员工丢失了工牌，他应该怎么办？",
        "比较拓远科技有限公司和农业发展有限公司的二氧化碳排放量",
        "那曲市的人口是多少？",
    ],
)
def test_a_question_that_stands_alone_is_left_alone(question: str) -> None:
    assert standalone(question, asked(REVENUE)) == question
    assert standalone(question, asked("华夏娱乐2023年的营业收入是多少？")) == question


@pytest.mark.parametrize("question", ["And in 2022?", "Why?", "2022年呢？", "What were its main risks?", ""])
def test_without_an_earlier_question_nothing_is_changed(question: str) -> None:
    assert standalone(question, []) == question


def test_a_follow_up_of_a_follow_up_reaches_back_to_what_it_is_about() -> None:
    assert standalone("And 2021?", asked(REVENUE, "And in 2022?")) == "What was Acme's revenue in 2021?"
    assert standalone("And Beta Corp?", asked(REVENUE, "And in 2022?")) == "What was Beta Corp's revenue in 2022?"


def test_a_long_chain_of_follow_ups_keeps_its_beginning_and_stays_short() -> None:
    whole = standalone("What else?", asked("Who is the chief executive of Acme?", *["Where did she study?"] * 20))
    assert whole.endswith("What else?")
    assert whole.count("?") <= 3


def test_what_was_asked_before_another_topic_is_forgotten() -> None:
    assert standalone("And in 2022?", asked("Who built the harbour?", REVENUE)) == "What was Acme's revenue in 2022?"


def test_white_space_alone_makes_no_follow_up() -> None:
    assert standalone("  Who built the harbour? ", asked(REVENUE)) == "  Who built the harbour? "
