"""A library from its first files to none: several at once, a duplicate, a password, a new version, renamed, moved, deleted."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests import pdfs
from tests.browser.conftest import Visit

REPORT = pdfs.report()  # the same bytes each time


def unlock(page: Page, locked: Locator) -> None:
    """With a wrong password first."""
    locked.get_by_role("button", name="Enter the password").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Password", exact=True).fill("wrong")
    dialog.get_by_role("button", name="Unlock").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    expect(dialog.get_by_label("Password", exact=True)).to_have_value("")
    dialog.get_by_label("Password", exact=True).fill("secret")
    dialog.get_by_label("Password", exact=True).press("Enter")
    expect(dialog).to_have_count(0)
    expect(locked).to_contain_text("Ready · 3 pages")


def tick_at_once(page: Page, *labels: str) -> None:
    """Within the same millisecond, or nearly: quicker than any answer from the server."""
    boxes = [page.get_by_role("checkbox", name=label).element_handle() for label in labels]
    page.evaluate("boxes => boxes.forEach(box => box.click())", boxes)


def test_files_are_followed_unlocked_replaced_renamed_moved_and_deleted(situate: str, visit: Callable[..., Visit]) -> None:
    window = visit(situate)
    page = window.go("documents")
    window.upload(
        ("meridian.pdf", REPORT),
        ("copy of it.pdf", REPORT),
        ("drawing.pdf", pdfs.blank_between()),
        ("secret.pdf", pdfs.with_password()),
        ("notes.pdf", b"hello"),
    )
    expect(page.get_by_text("copy of it.pdf is here already, as meridian.pdf.")).to_be_visible()
    expect(page.get_by_text("notes.pdf is not a PDF.")).to_be_visible()
    row = page.locator(".doc")
    expect(row.filter(has_text="meridian.pdf")).to_contain_text("Ready · 3 pages")
    expect(row.filter(has_text="drawing.pdf")).to_contain_text("Ready, with notes · 3 pages")
    locked = row.filter(has_text="secret.pdf")
    expect(locked).to_contain_text("Needs its password")

    unlock(page, locked)

    dialog = page.get_by_role("dialog")
    row.filter(has_text="drawing.pdf").get_by_role("button", name="drawing.pdf", exact=True).click()
    page.get_by_role("button", name=re.compile("^Page 2: ")).click()
    expect(page.get_by_role("status")).to_contain_text("Questions cannot find what stands on it.")
    page.get_by_role("button", name="All documents").click()

    window.upload(("meridian.pdf", pdfs.two_columns()))
    expect(page.get_by_text("meridian.pdf is stored as version 2; version 1 answers until it is ready.")).to_be_visible()
    replaced = row.filter(has_text="meridian.pdf")
    expect(replaced).to_contain_text("version 2")
    expect(replaced).to_contain_text("Ready · 1 page")
    replaced.get_by_role("button", name="meridian.pdf", exact=True).click()
    page.get_by_role("button", name="Version 1").click()
    expect(page.get_by_text("Questions are answered from version 2.")).to_be_visible()
    expect(page.get_by_text("Page 1 of 3").first).to_be_visible()

    page.get_by_role("button", name="Rename").click()
    dialog.get_by_label("Name", exact=True).fill("Mills")
    dialog.get_by_role("button", name="Rename").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("Mills.pdf")).to_be_visible()
    page.get_by_role("button", name="All documents").click()

    tick_at_once(page, "Choose Mills.pdf", "Choose secret.pdf")
    expect(page.get_by_text("2 chosen")).to_be_visible()
    page.get_by_role("button", name="Move", exact=True).click()
    dialog.get_by_role("combobox").fill("Archive")
    dialog.get_by_role("combobox").press("Enter")
    dialog.get_by_role("button", name="Move", exact=True).click()
    expect(dialog).to_have_count(0)
    expect(row.filter(has_text="Mills.pdf")).to_contain_text("Archive")

    page.get_by_role("checkbox", name="Choose all of them").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(dialog.get_by_text("Delete 3 documents for good?")).to_be_visible()
    dialog.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("No documents yet.")).to_be_visible()
    assert window.elsewhere == []
    assert window.errors == []
