from __future__ import annotations

import io

from PIL import Image

from pages.parts.page_image import AROUND, boxed, pixels


def blank(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(out, "PNG")
    return out.getvalue()


def test_points_from_the_bottom_left_become_pixels_from_the_top_left() -> None:
    (box,) = pixels([(1, 100.0, 700.0, 200.0, 712.0)], height=1600, scale=2.0)
    assert box == ((100 - AROUND) * 2, 1600 - (712 + AROUND) * 2, (200 + AROUND) * 2, 1600 - (700 - AROUND) * 2)


def test_a_box_is_drawn_where_the_sentence_stands_and_nowhere_else() -> None:
    drawn = Image.open(io.BytesIO(boxed(blank(200, 400), ((1, 20.0, 150.0, 80.0, 160.0),), scale=2.0)))
    changed = Image.eval(drawn.convert("L"), lambda v: 255 - v).getbbox()
    assert changed is not None
    left, top, right, bottom = changed
    assert abs(left - 36) <= 2
    assert abs(right - 164) <= 2
    assert abs(top - 76) <= 2
    assert abs(bottom - 104) <= 2


def test_text_under_a_box_stays_legible() -> None:
    page = Image.new("RGB", (200, 200), "white")
    page.putpixel((60, 60), (0, 0, 0))
    out = io.BytesIO()
    page.save(out, "PNG")
    drawn = Image.open(io.BytesIO(boxed(out.getvalue(), ((1, 20.0, 20.0, 80.0, 80.0),), scale=2.0)))
    inside, text = drawn.getpixel((100, 100)), drawn.getpixel((60, 60))
    assert isinstance(inside, tuple)
    assert isinstance(text, tuple)
    assert sum(inside[:3]) - sum(text[:3]) > 300


def test_a_page_without_boxes_is_unchanged() -> None:
    drawn = Image.open(io.BytesIO(boxed(blank(50, 50), ())))
    assert drawn.getextrema() == ((255, 255),) * 3
