"""Text that is read from right to left, or downwards: in reading order, with boxes where it stands. Lines are given as they look in print."""

from __future__ import annotations

import pytest

from rag import pdf
from rag.chunking import line_boxes
from tests import scripts


def text_of(content: bytes) -> str:
    return "\n".join(element.text for element in pdf.read(content).elements)


@pytest.mark.parametrize(
    ("printed", "read"),
    [
        ("םלוע םולש", "שלום עולם"),
        ("ملاس", "سالم"),
        ("2031 תנשב ונרכמ", "מכרנו בשנת 2031"),
        ("ונחתפ Open Source ןוישירב", "ברישיון Open Source פתחנו"),
        ("ןקתה ISO 9001 ונל שי", "יש לנו ISO 9001 התקן"),
        ("ונל שי (בושח) רבד", "דבר (חשוב) יש לנו"),
        ("%12.5 הלע ריחמה", "המחיר עלה 12.5%"),
        ("1403/10/05 ךיראת", "תאריך 1403/10/05"),
        ("ןקת -2-5", "5-2- תקן"),
        ("?ךמולש המ", "מה שלומך?"),
    ],
)
def test_a_line_from_right_to_left_is_read_in_its_own_order(printed: str, read: str) -> None:
    assert text_of(scripts.printed(printed)) == read


def test_a_hebrew_phrase_in_an_english_line_keeps_its_place() -> None:
    assert text_of(scripts.printed("The words םלוע םולש mean a greeting.")) == "The words שלום עולם mean a greeting."


def test_brackets_named_as_they_are_drawn_are_turned_to_be_read() -> None:
    # PDFium turns them where it turns the letters; a file that names them as they are read has them turned once too often
    assert text_of(scripts.printed("קוחל )4()ב(15 ףיעס")) == "סעיף 15(ב)(4) לחוק"


def test_a_paragraph_from_right_to_left_is_one_text_whose_sentences_are_boxed() -> None:
    (element,) = pdf.read(scripts.printed("םילמ הברה הבש הכורא הרוש", ".תיליחתמ הרושה ףוסב")).elements
    assert element.text == "שורה ארוכה שבה הרבה מלים בסוף השורה מתחילית."
    boxes = line_boxes(element.spans)
    assert len(boxes) == 2
    assert all(box[3] == pytest.approx(450, abs=2) for box in boxes)  # both lines end flush right
    assert boxes[0][1] == pytest.approx(450 - 24 * 6, abs=2)


def test_the_right_column_is_read_before_the_left_one() -> None:
    right = ["הרושה לש תינמיה הדומעה ןאכ"] * 6
    left = ["תרחא הרוש תילאמשה הדומעב ו"] * 6
    content = scripts.printed(*(f"{a}      {b}" for a, b in zip(left, right, strict=True)))
    text = text_of(content)
    assert text.rindex("הימנית") < text.index("השמאלית")


def test_a_label_on_the_right_comes_before_its_figures() -> None:
    content = scripts.printed("1,250        1,410        תוסנכה", "310          295          תואצוה", "940          1,115        חוור")
    (table,) = pdf.read(content).elements
    assert table.text.split("\n")[0] == "הכנסות | 1,410 | 1,250"


def test_vertical_lines_are_read_downwards_from_the_right() -> None:
    assert text_of(scripts.downwards("吾輩は猫である。名前は", "まだ無い。「2031年」に")) == "吾輩は猫である。名前はまだ無い。「2031年」に"


def test_a_vertical_sentence_has_one_tall_box_per_line() -> None:
    (element,) = pdf.read(scripts.downwards("吾輩は猫である。名前は", "まだ無い。")).elements
    boxes = line_boxes(element.spans)
    assert len(boxes) == 2
    (_, x0, y0, x1, y1), (_, left, *_) = boxes
    assert left < x0 < x1 <= 470
    assert y1 - y0 > 5 * (x1 - x0)
