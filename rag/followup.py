"""A follow-up as a question that stands alone, told without a model, in English and Chinese (pure).

A question depends on the earlier ones when it opens as a continuation ("and in 2022?", 那…呢), when it consists of nothing but question
words, or when it holds a pronoun whose antecedent it does not hold. It then takes the earlier question along: with the year or the name
changed where it tells only another year or name, and otherwise in front of it, so that nothing of either is lost. Whatever is not clearly
dependent is left as it is: a question that is searched for alone may lack a word, one that is mixed with another asks for the wrong thing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rag import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.providers import Turn

REMEMBERED = 8  # earlier questions that are looked at
MOST = 3  # questions that stand together in one

_MONTH = r"(?:january|february|march|april|may|june|july|august|september|october|november|december)"
_YEAR = r"(?:19|20)\d\d"
_PERIOD = re.compile(
    rf"(?:\b(?:Q[1-4]|the (?:first|second|third|fourth) quarter|{_MONTH}(?: \d{{1,2}},?)?)(?: of)? )?"
    rf"(?:\b(?:(?:the )?(?:(?:fiscal|financial|calendar) )?year |fiscal |FY ?))?(?<![\d.,$]){_YEAR}(?![\d%]|[.,]\d)(?:年度?)?"
    r"(?:(?:上|下)半年|第?[一二三四1-4]季度|1?\d月(?:\d{1,2}日)?)?",
    re.IGNORECASE,
)
_OF_A_YEAR = re.compile(
    rf"\b(?:Q[1-4]|the (?:first|second|third|fourth) quarter|{_MONTH})\b|(?:上|下)半年|第?[一二三四1-4]季度|(?<!\d)1?\d月份?", re.IGNORECASE
)
_FULL_YEAR = re.compile(rf"^{_YEAR}年?$")
_PLACE_OF_PERIOD = re.compile(r"^(?:in|for|during|at|by|on|since|of)\s+", re.IGNORECASE)
_ENDS = " ?？.。!！,，、…"

# English
_LEAD = re.compile(
    r"^\W*(?:(?:and|or|but|so|then|ok(?:ay)?|also|well|now)\b[\s,]+)*"
    r"(?:(?:what|how) about|what of|(?:and )?(?:the )?same (?:question )?(?:for|with|in)|how does (?:that|this|it) compare (?:to|with))\b",
    re.IGNORECASE,
)
_JOINT = re.compile(r"^\W*(?:and|or|but|so|then|also)\b[\s,]*", re.IGNORECASE)
_PLACED = re.compile(r"^(?:in|for|during|at|by|since|before|after|from|until|on|with|without|of|to)\b", re.IGNORECASE)
_FUNCTION = re.compile(
    r"(?:a|about|again|all|also|am|an|and|any|are|as|at|be|because|been|before|but|by|can|come|continue|could|detail|details|"
    r"did|do|does|doing|elaborate|else|ever|exactly|explain|for|from|further|give|go|had|happen|happened|has|have|how|i|if|"
    r"in|into|is|it|it's|its|just|least|many|may|me|mean|meant|might|more|most|much|must|no|not|of|on|one|ones|only|or|"
    r"other|others|out|over|please|really|said|same|say|shall|should|show|since|so|some|sure|tell|than|that|that's|the|"
    r"their|them|then|there|these|they|this|those|to|too|until|up|us|was|we|well|went|were|what|what's|when|where|whether|"
    r"which|who|who's|whom|whose|why|will|with|would|you|your)"
)
_QUESTION_WORD = re.compile(
    r"\b(?:what|who|whom|whose|which|when|where|why|how|is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|must|"
    r"list|name|describe|explain|summari[sz]e|compare|show|tell|give|find|define|identify|outline|calculate)\b",
    re.IGNORECASE,
)
_DOCUMENT = (
    r"(?:documents?|files?|pdfs?|reports?|papers?|agreements?|contracts?|manuals?|books?|articles?|stud(?:y|ies)|polic(?:y|ies)|texts?|"
    r"guides?|letters?|forms?|pages?|laws?|acts?|compan(?:y|ies)|years?|quarters?|months?|weeks?|collections?)"
)
_EXPLETIVE = re.compile(
    r"\bit(?:\s+(?:takes?|took|costs?|needs?|requires?)\b.*\bto\b|\s+(?:is|was|be)?\s*(?:\w+ly\s+)?"
    r"(?:true|possible|necessary|important|legal|required|allowed|permitted|likely|common|mandatory|safe|better|best|enough|worth|clear)\b|"
    r"\s+(?:rains?|snows?|matters?)\b|\s+means? to\b)",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"\b(?:(it|them|him)|(its|it's|their|they|he|she|his|her))\b", re.IGNORECASE)
_OBJECT_PLACE = re.compile(
    r"^(?:\W*$|\W*(?:in|at|on|by|for|of|from|during|about|with|to|after|before|since|then|so|again|yet|too)\b)", re.IGNORECASE
)
_CLAUSES = re.compile(r"[,;:]|\b(?:if|when|while|after|before|because|that|who|which|and|or)\b", re.IGNORECASE)
_DETERMINED = re.compile(r"\b(?:the|an?|each|every|any|our|my|your|all|some|no)\s+\w|\w's\b|\w’s\b", re.IGNORECASE)
_SELECTING = re.compile(  # always of what was told before
    r"\bwhich one\b|\bthe (?:other|second|first|last) ones?\b|\b(?:who|what|where|anything|anyone|nothing) else\b|\bthe latter\b"
    r"|\b(?:which|what|how many|how much|some|all|none|any|one|each) of (?:them|these|those)\b",
    re.IGNORECASE,
)
_POINTING = re.compile(  # of what was told before, in this question or an earlier one
    rf"\b(?:these|those) (?!(?:{_DOCUMENT}|days|who|that|which|with|in|of|from)\b)\w"
    rf"|\b(?:in|at|on|by|for|from|during|about|with|to|after|before|since) that (?!{_DOCUMENT}\b)\w+\W*$"
    r"|\b(?:in|at|on|by|for|of|from|during|about|with|to|after|before|since|is|are|was|were|did|does|do|causes?d?|explains?|means?|changed?)"
    r" (?:that|this|those|these)(?:\W*$| (?:mean|happen|change|compare|affect|work|apply|include|differ)\b)"
    r"|\b(?:in|during|for|by) that (?:year|quarter|month)\b",
    re.IGNORECASE,
)
_MORE = re.compile(
    r"^\W*(?:(?:please )?(?:tell me|say|give me|show me)? ?(?:more|further)\b(?: details?| about (?:it|that|this))?|go on|continue|elaborate)\W*$",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"(?<![.?!] )(?<!^)\b(?:[A-Z][\w&.-]*[\w&]|[A-Z]{2,})(?:(?: (?:of|and|&|for|de) | |, (?=Inc|Ltd|LLC|Corp))(?:[A-Z][\w&-]*\w|Inc|Ltd|Co))*"
)
_NO_NAME = re.compile(rf"^(?:I|Q[1-4]|FY|USD|US|EUR|CEO|CFO|COO|CTO|EPS|EBITDA|GAAP|{_MONTH})$", re.IGNORECASE)
_POSSESSIVE = re.compile(r"\b(?:its|their)\b", re.IGNORECASE)

# Chinese
_ASKING = re.compile(
    r"什么|谁|哪|多少|多大|多久|多长|多高|几[个次年月天家名位]|怎|为何|如何|是否|吗|何时|何地|何人|有没有|是不是|请|比较|列出|总结|概括|说明|介绍"
)
_LEAD_CHINESE = re.compile(
    r"^\s*(?:那么|那就|那(?=[，,\s\d它他她其]|.*[呢吗][\s?？]*$)(?![个些家次年时项位种样里天月段份])|还有|以及|另外|然后|换成|如果是|同样)[，,、\s]*"
)
_PARTICLE = re.compile(r"(?:又|会)?(?:呢|如何|怎么样|怎样)?[\s?？。!！]*$")
_WONDERING = re.compile(r"呢[\s?？。!！]*$")
_BARE_CHINESE = re.compile(
    r"^(?:什么时候|为什么|怎么样|具体|详细|说说|讲讲|展开|一下|一点|为何|什么|何时|怎么|怎样|如何|哪里|哪些|多少|原因|解释|继续|细节|真的|确定|这样|那样|请|再|"
    r"还|更|又|是|的|呢|吗|啊|了|会|有|说|讲|些|多|谁|哪|几|个|这|那|样)++$"
)
_THING = r"(?:份|篇|本|部|个|些)?(?:文件|文档|报告|文章|论文|合同|协议|书|手册|法律|办法|资料|材料|pdf|PDF)"
_PRONOUN_CHINESE = re.compile(
    rf"(?P<pronoun>它们?|他们?|她们?|其(?![他它实余次间])|两者|二者|前者|后者|上述|(?:这|那|该)(?!{_THING})(?:个|些|家|次|年|时|项|位|种|样|里|段|笔|件)|此(?!外|次)|(?:这|那)(?=[是会与和有对]))"
)
_OTHER_CHINESE = re.compile(r"其他|其它|吉他|他人")
_HOLLOW = re.compile(
    r"^(?:[\s，,、。？?！!“”]|什么时候|为什么|有没有|请问|那么|对于|关于|根据|按照|是否|为何|什么|何时|哪些|如何|怎么|怎样|多少|还有|可以|没有|因为|由于|"
    r"介绍|说明|解释|总结|一下|时候|比较|请|那|在|对|从|与|和|跟|把|被|给|为|是|谁|哪|还|又|再|会|能|有|了|的|到|中|里|比)*+$"
)
_OBJECT_CHINESE = re.compile(r"^(?:的)?[\s?？。!！吗呢了]*$")
_OWNER = re.compile(rf"^(?:请问|根据)?(?:(?:{_YEAR})年?度?[，,]?)?([^\s，。？?！、]{{2,24}}?)的")
_COMPANY = re.compile(
    r"[^\s，。？?！、的和与及在对从为是年月日]{2,20}?(?:有限责任公司|股份有限公司|有限公司|公司|集团|银行|医院|大学|学院|法院|研究院|协会|基金|中心|百货)"
)


def standalone(question: str, history: Sequence[Turn]) -> str:
    """The question with what it leaves to the earlier ones; the same question when it stands alone. `history` is oldest first."""
    before: tuple[str, ...] = ()
    for turn in history[-REMEMBERED:]:
        before = _resolved(turn.question.strip(), before)
    after = _resolved(question.strip(), before)
    return question if after == (question.strip(),) else " ".join(after)


def _resolved(question: str, before: tuple[str, ...]) -> tuple[str, ...]:
    """A question as the questions it takes to understand it; `before` are those of the one it follows."""
    if not before or not question:
        return (question,)
    chinese = text.language(question) == "zh"
    if not (_depends_chinese(question) if chinese else _depends(question)):
        return (question,)
    fragment = _fragment(question, chinese=chinese)
    if fragment and (changed := _with_period(before[-1], fragment) or _with_name(before[-1], fragment)):
        return *before[:-1], changed
    if len(before) == 1 and (named := _with_owner(before[0], question, chinese=chinese)):
        return (named,)
    return *before[: MOST - 1], question


def _depends(question: str) -> bool:
    words = re.findall(r"[^\W_]+(?:['’]\w+)?", question.casefold())
    if _LEAD.search(question) or _MORE.search(question) or all(map(_FUNCTION.fullmatch, words)):
        return True
    rest = _JOINT.sub("", question, count=1)
    fragment = not _QUESTION_WORD.search(rest)
    if fragment and (rest != question or _PLACED.match(rest) or _is_period(rest)):
        return len(words) <= 8
    return bool(_SELECTING.search(question)) or _lacks_antecedent(_EXPLETIVE.sub(" ", question))


def _lacks_antecedent(question: str) -> bool:
    """Whether a pronoun means something that the question does not name.

    One that is the object of a clause, or points ("those changes"), cannot mean the subject of the same clause ("What did the report say
    about it?"); any other may mean whatever stands before it.
    """
    for found in _POINTING.finditer(question):
        said = question[: found.start()]
        if not _names(said) and not (_CLAUSES.search(said) and len(_content(said)) > 1):
            return True
    for found in _PRONOUN.finditer(question):
        said = question[: found.start()]
        if found[1] and _OBJECT_PLACE.match(question[found.end() :]) and not _CLAUSES.search(said.strip().partition(" ")[2]):
            return True
        plural = found[0].lower() in ("they", "them", "their") and re.search(r"\b\w{3,}(?<!s)s\b(?<!does)(?<!was)(?<!has)", said)
        if not _DETERMINED.search(said) and not _names(said) and not plural and len(_content(said)) <= 1:
            return True
    return False


def _content(said: str) -> list[str]:
    return [word for word in re.findall(r"[^\W_]+", said.casefold()) if not _FUNCTION.fullmatch(word)]


def _depends_chinese(question: str) -> bool:
    bare = question.strip(_ENDS + "“”")
    if _BARE_CHINESE.match(bare) or (_WONDERING.search(question) and not _ASKING.search(question)):
        return True
    if (lead := _LEAD_CHINESE.match(question)) and lead.end() < len(question):
        return True
    if _is_period(bare):
        return True
    said = _OTHER_CHINESE.sub("别的", question)
    return any(
        _HOLLOW.match(said[: found.start()])
        or (found["pronoun"][0] in "它他她" and _OBJECT_CHINESE.match(said[found.end() :]) and not re.search("[，,；;]", said))
        for found in _PRONOUN_CHINESE.finditer(said)
    )


def _fragment(question: str, *, chinese: bool) -> str:
    """What "and in 2022?", "what about Acme?", 那2022年呢 tell anew; "" for a whole question."""
    if chinese:
        rest = _PARTICLE.sub("", _LEAD_CHINESE.sub("", question)).strip(_ENDS)
        return "" if _ASKING.search(rest) or _PRONOUN_CHINESE.search(_OTHER_CHINESE.sub("别的", rest)) else rest
    rest = (_LEAD if _LEAD.search(question) else _JOINT).sub("", question, count=1).strip(_ENDS)
    return "" if _QUESTION_WORD.search(rest) or _PRONOUN.search(rest) else re.sub(r"\W+(?:then|instead|too|as well)$", "", rest)


def _is_period(said: str) -> bool:
    """Whether nothing but a period is told, as in "in 2022?" and 2022年."""
    rest = _PLACE_OF_PERIOD.sub("", said.strip(_ENDS))
    return bool(_PERIOD.fullmatch(rest) or _OF_A_YEAR.fullmatch(rest))


def _with_period(before: str, fragment: str) -> str:
    """The earlier question about another period; "" when the fragment tells something else, or the earlier question tells several."""
    periods = list(_PERIOD.finditer(before))
    if not _is_period(fragment) or len(periods) > 1:
        return ""
    told = _PLACE_OF_PERIOD.sub("", fragment)
    chinese = text.language(before) == "zh"
    if periods:
        changed = _changed(periods[0][0], told, chinese=chinese)
        return before[: periods[0].start()] + changed + before[periods[0].end() :]
    if chinese:
        return f"{told}{'年' if told.isdigit() else ''}{before}"
    body = before.rstrip(_ENDS)
    return f"{body} {fragment if fragment != told else f'in {told}'}{before[len(body) :]}"


def _changed(period: str, told: str, *, chinese: bool) -> str:
    """A period with what is told anew: another year of its kind (FY2023, 2023年度), a quarter or month of the year, or another period."""
    if _FULL_YEAR.match(told):
        return re.sub(_YEAR, told[:4], period)
    if _PERIOD.fullmatch(told):
        return told
    if _OF_A_YEAR.search(period):
        return _OF_A_YEAR.sub(told, period, count=1)
    return f"{period}{told}" if chinese else f"{told} {period}"


def _with_name(before: str, fragment: str) -> str:
    """The earlier question about another name; "" when the fragment is no name, or the earlier question does not hold exactly one."""
    told = re.sub(r"^(?:in|for|at|of|with)\s+", "", fragment)
    if told == fragment and text.language(fragment) == "zh":
        one, names = _COMPANY.fullmatch(fragment), list(_COMPANY.finditer(before))
    else:
        one, names = _NAME.fullmatch(f" {told}", 1), _names(before)
    if not one or len(names) != 1 or names[0][0] == told:
        return ""
    return before[: names[0].start()] + told + before[names[0].end() :]


def _with_owner(before: str, question: str, *, chinese: bool) -> str:
    """The question with "its" told by whom the earlier question names as an owner: "Acme's revenue", 华夏公司的收入; "" without one."""
    if chinese:
        owner = _OWNER.match(before)
        if not owner or _ASKING.search(owner[1]) or _PRONOUN_CHINESE.search(owner[1]) or not question.startswith(("它的", "其")):
            return ""
        return f"{owner[1]}的{question.removeprefix('它的').removeprefix('其').removeprefix('的')}"
    names = _names(before)
    if len(names) != 1 or not before[names[0].end() :].startswith(("'s ", "’s ")) or len(_PRONOUN.findall(question)) != 1:
        return ""
    return _POSSESSIVE.sub(f"{names[0][0]}'s", question, count=1) if _POSSESSIVE.search(question) else ""


def _names(said: str) -> list[re.Match[str]]:
    """Capitalised names, but not what merely opens the sentence."""
    return [found for found in _NAME.finditer(said) if not _NO_NAME.match(found[0])]
