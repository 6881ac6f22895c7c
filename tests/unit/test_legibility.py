"""Which pages have to be read from their pictures: those without text, with few words for their ink, or with text that makes no sense."""

from __future__ import annotations

import random
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import legibility
from rag.legibility import better, needs_recognition
from rag.words import Sheet, Word
from tests import pdfs

WIDTH, HEIGHT = 595.0, 842.0
ENGLISH = " ".join(paragraph for _, paragraphs in pdfs.REPORT for paragraph in paragraphs)
HAN = "".join(text for _, text in pdfs.CHINESE)

HEALTHY = {
    "English": ENGLISH,
    "Chinese": HAN,
    "capitals": ENGLISH.upper(),
    "German": (
        "Die Würde des Menschen ist unantastbar. Sie zu achten und zu schützen ist Verpflichtung aller staatlichen Gewalt. Das Deutsche Volk "
        "bekennt sich darum zu unverletzlichen und unveräußerlichen Menschenrechten als Grundlage jeder menschlichen Gemeinschaft."
    ),
    "French": (
        "Les hommes naissent et demeurent libres et égaux en droits. Les distinctions sociales ne peuvent être fondées que sur l'utilité "
        "commune. Le but de toute association politique est la conservation des droits naturels et imprescriptibles de l'homme."
    ),
    "Polish": (
        "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni obdarzeni rozumem i sumieniem i powinni "
        "postępować wobec innych w duchu braterstwa. Każdy człowiek posiada wszystkie prawa i wolności zawarte w niniejszej Deklaracji."
    ),
    "Vietnamese": (
        "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền lợi. Mọi con người đều được tạo hóa ban cho lý trí và "
        "lương tâm và cần phải đối xử với nhau trong tình bằng hữu."
    ),
    "Icelandic": (
        "Hver maður er borinn frjáls og jafn öðrum að virðingu og réttindum. Menn eru gæddir vitsmunum og samvisku, og ber þeim að breyta "
        "bróðurlega hverjum við annan."
    ),
    "Finnish": (
        "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan. Heille on annettu järki ja omatunto, ja heidän on "
        "toimittava toisiaan kohtaan veljeyden hengessä."
    ),
    "Welsh": (
        "Genir pawb yn rhydd ac yn gydradd â'i gilydd mewn urddas a hawliau. Fe'u cynysgaeddir â rheswm a chydwybod, a dylai pawb ymddwyn y "
        "naill at y llall mewn ysbryd cymodlon."
    ),
    "Greek": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα. Είναι προικισμένοι με λογική και συνείδηση.",
    "Russian": "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и совестью и должны поступать так.",
    "Arabic": "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق. وقد وهبوا عقلا وضميرا وعليهم أن يعامل بعضهم بعضا بروح الإخاء.",
    "Hebrew": "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם. כולם חוננו בתבונה ובמצפון, לפיכך חובה עליהם לנהוג איש ברעהו ברוח של אחווה.",
    "Korean": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. 인간은 천부적으로 이성과 양심을 부여받았으며 서로 형제애의 정신으로 행동하여야 한다.",
    "Japanese": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。人間は、理性と良心とを授けられており、互いに同胞の精神をもって行動しなければならない。",
    "traditional Chinese": "人人生而自由，在尊嚴和權利上一律平等。他們賦有理性和良心，並應以兄弟關係的精神相對待。人人有資格享有本宣言所載的一切權利和自由。",
    "Thai": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ ต่างมีเหตุผลและมโนธรรม และควรปฏิบัติต่อกันด้วยเจตนารมณ์แห่งภราดรภาพ",
    "Hindi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है। उन्हें बुद्धि और अन्तरात्मा की देन प्राप्त है।",
    "a listing": Path(legibility.__file__).read_text("utf-8"),
    "figures": " ".join(" ".join(row) for row in pdfs.CASH_FLOW * 3),
    "part numbers": " ".join(f"XQ-{n * 7919 % 9973}/K{n}B HZV{n:04d}-{'PWZK'[n % 4]}" for n in range(80)),
    "formulas": "∫₀^∞ e^(−x²) dx = √π/2, ∀ε>0 ∃δ>0: |x−a|<δ ⇒ |f(x)−L|<ε; ∑ᵢ αᵢ·βᵢ ≤ ‖α‖₂·‖β‖₂, ∇×E = −∂B/∂t, x ∈ ℝⁿ ⊂ ℂⁿ " * 4,
    "dates, ratios and addresses": " ".join(
        f"2031-0{n}-1{n} 12:3{n}:05 1/{n} 3.{n}*10^{n} see https://a.org/x?y={n}&z={n}#t a{n}@b.org" for n in range(1, 9)
    ),
    "contents": " ".join(f"Chapter {n} {'.' * 60} {n * 12}" for n in range(1, 12)),
    "a proof's list of few letters": "dxy bcd fgh klm xyz " * 3,
}


def page(text: str, *, size: float = 10.0) -> list[Word]:
    """The text set in lines, as a page holds it."""
    words, x, y = list[Word](), 60.0, 780.0
    for word in text.split():
        width = 0.5 * size * len(word)
        if x + width > 535:
            x, y = 60.0, y - 1.3 * size
        words.append(Word(word, x, y, x + width, y + size, size, 0, spaced=True))
        x += width + 0.3 * size
    return words


def need(text: str, *, ink: float = 0.05) -> str:
    return needs_recognition(page(text), WIDTH, HEIGHT, lambda: ink)


def shifted(text: str, by: int) -> str:
    """Each character as the one that stands so much earlier: what fonts say whose glyph numbers are taken for characters."""
    return "".join(char if char == " " else chr(max(ord(char) - by, 33)) for char in text)


@pytest.mark.parametrize("kind", HEALTHY)
def test_healthy_text_serves(kind: str) -> None:
    assert not legibility.garbled([word.text for word in page(HEALTHY[kind])])


def test_a_page_with_text_is_not_drawn_to_be_judged() -> None:
    def never() -> float:
        raise AssertionError

    assert needs_recognition(page(ENGLISH), WIDTH, HEIGHT, never) == ""


def test_a_picture_without_words_needs_recognition_and_an_empty_page_does_not() -> None:
    assert need("", ink=0.03) == "no text"
    assert need("", ink=0.0) == ""


def test_a_stamp_on_a_scan_is_not_the_text_of_its_page() -> None:
    assert need("Received 4 March 2031", ink=0.06) == "sparse"


def test_a_title_on_an_empty_page_is_all_its_text() -> None:
    assert needs_recognition(page("Part Two", size=60), WIDTH, HEIGHT, lambda: 0.03) == ""
    assert need("Part Two", ink=0.002) == ""


GARBLED = {
    "a shift of glyph numbers": shifted(ENGLISH, 29),
    "a shift within the alphabet": ENGLISH.translate(str.maketrans(string.ascii_lowercase, string.ascii_lowercase[3:] + "abc")),
    "glyph numbers as punctuation": "".join(chr(33 + ord(char) % 15) for char in ENGLISH),
    "glyph numbers as figures and signs, among Chinese": " ".join(
        HAN[n : n + 3] + "".join(chr(33 + (ord(char) * 7) % 32) for char in word)
        for n, word in enumerate(word for word in ENGLISH.split() if len(word) > 4)
    ),
    "private-use glyphs": "".join(chr(0xF700 + ord(char)) if char.isalpha() else char for char in ENGLISH),
    "private-use glyphs among figures": "".join(chr(0xE000 + ord(char) % 90) + "1" for char in ENGLISH[:300]),
    "replacement characters": "\ufffd\ufffd\ufffd 12 \ufffd\ufffd 7",
    "UTF-8 taken for Windows-1252": "“Où est l’été ?” – «à côté», dit-elle; c’était déjà l’hiver…".encode().decode("cp1252", "replace"),
    "Chinese UTF-8 taken for Latin-1": HAN.encode().decode("latin-1"),
    "Chinese GBK taken for Latin-1": HAN.encode("gbk").decode("latin-1"),
    "Russian taken for Latin-1": HEALTHY["Russian"].encode("cp1251").decode("latin-1"),
    "Latin bytes taken for Han": ENGLISH.encode().ljust(1000)[:600].decode("utf-16-le", "replace"),
}


@pytest.mark.parametrize("kind", GARBLED)
def test_text_that_makes_no_sense_is_told(kind: str) -> None:
    assert need(GARBLED[kind]) == "garbled"


@given(st.integers(0, 2**32))
def test_han_characters_at_random_make_no_sense(seed: int) -> None:
    chance = random.Random(seed)
    assert legibility.garbled([chr(chance.randrange(0x4E00, 0x9FA5)) for _ in range(120)])


def test_nearly_every_shift_of_the_alphabet_is_told() -> None:
    lower = string.ascii_lowercase
    texts = [ENGLISH.lower().translate(str.maketrans(lower, lower[by:] + lower[:by])) for by in range(1, 26)]
    assert sum(legibility.garbled(text.split()) for text in texts) >= 20


@given(st.text(max_size=300))
def test_any_text_is_judged(text: str) -> None:
    assert legibility.garbled(text.split()) in {True, False}


def sheet(text: str) -> tuple[Sheet, ...]:
    return (Sheet(page=1, width=WIDTH, height=HEIGHT, turn=0, words=tuple(page(text))),)


def test_recognised_text_takes_the_place_of_none_or_of_nonsense() -> None:
    assert better("no text", [], sheet(ENGLISH), 0.6)
    assert better("garbled", page(GARBLED["a shift of glyph numbers"]), sheet(ENGLISH), 0.95)
    assert better("sparse", page("Received 4 March 2031"), sheet(ENGLISH), 0.95)


def test_a_page_keeps_its_words_where_recognition_reads_worse() -> None:
    odd = page(GARBLED["a shift within the alphabet"])
    assert not better("garbled", odd, (), 0.0)
    assert not better("garbled", odd, sheet(ENGLISH), 0.55)  # uncertain
    assert not better("garbled", odd, sheet(GARBLED["a shift within the alphabet"]), 0.99)  # the picture shows the same: a cipher
    assert not better("sparse", page("Received 4 March 2031"), sheet("Received 4 March 2031"), 0.99)  # a picture without writing
    assert not better("no text", [], (), 0.0)
    assert not better("no text", [], sheet("19 U"), 0.04)  # scraps of a script that the models do not know
