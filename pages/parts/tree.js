// Builds and patches a tree of nodes: a string, or [tag, attributes, ...children]. Text only ever becomes text nodes.
const TAGS = new Set([
  "div", "p", "span", "strong", "em", "mark", "code", "pre", "br", "hr", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6",
  "table", "thead", "tbody", "tr", "th", "td", "blockquote", "button", "img", "details", "summary", "a",
])
const RECENT = 10_000 // ms for which a click is told again with each further one, lest Streamlit keep only the last of several
const SAID = 2_000 // ms for which a button says that it has copied

const OPENER = Symbol.for("situate.opener") // each component has a module of its own; the document is what they share

const views = new WeakMap() // root element -> what its listeners need of the latest drawing
const drawn = new WeakMap() // element -> the attributes it was last drawn with

const isText = (node) => typeof node === "string"
const tagOf = (node) => (TAGS.has(node[0]) ? node[0] : "span")
const ours = (path) => (typeof path === "string" && /^\/(?![/\\])[!-~]*$/.test(path) ? path : undefined) // never another host, also not behind a tab or line end, which URLs drop

function build(node) {
  if (isText(node)) return document.createTextNode(node)
  const element = document.createElement(tagOf(node))
  patch(element, node)
  return element
}

function set(element, name, value) {
  if (value === undefined || value === null || value === "") element.removeAttribute(name)
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value))
}

function dress(element, attributes) {
  const before = drawn.get(element)
  set(element, "class", attributes.c)
  set(element, "title", attributes.title)
  set(element, "aria-label", attributes.label)
  set(element, "data-act", attributes.act)
  set(element, "data-n", attributes.n)
  set(element, "data-keys", attributes.keys && "yes")
  set(element, "data-escape", attributes.escape && "yes")
  set(element, "aria-pressed", attributes.on)
  set(element, "aria-disabled", attributes.off)
  set(element, "role", "tick" in attributes ? "checkbox" : "bar" in attributes ? "progressbar" : attributes.look || attributes.keys ? "group" : undefined)
  set(element, "aria-checked", attributes.tick)
  set(element, "aria-valuenow", "bar" in attributes ? Math.round(100 * attributes.bar) : undefined)
  if ("bar" in attributes) element.style.setProperty("--filled", `${100 * attributes.bar}%`)
  if (element.localName === "img") {
    set(element, "alt", attributes.label)
    set(element, "src", ours(attributes.src))
  }
  if (attributes.at ?? before?.at) [element.style.left, element.style.top, element.style.width, element.style.height] = (attributes.at ?? ["", "", "", ""]).map((share) => share === "" ? "" : `${share}%`)
  if ("wide" in attributes) element.style.width = `${attributes.wide}%`
  if ("shape" in attributes) element.style.aspectRatio = attributes.shape
  set(element, "tabindex", attributes.look && 0) // so that the keyboard scrolls it
  if (element.localName === "a") {
    set(element, "href", ours(attributes.to))
    set(element, "target", attributes.save ? "" : "_blank")
    element.toggleAttribute("download", attributes.save === true)
    set(element, "rel", "noopener")
  }
  if (element.localName === "details" && before?.open !== attributes.open) element.open = attributes.open === true // else as the reader left it
  if (element.localName === "ol") set(element, "start", Number.isInteger(attributes.start) ? attributes.start : "")
  if (element.localName === "button") element.type = "button"
  drawn.set(element, attributes)
}

const fits = (present, node) =>
  isText(node) ? present.nodeType === Node.TEXT_NODE
    : present.nodeType === Node.ELEMENT_NODE && present.localName === tagOf(node) && pictured(drawn.get(present)) === pictured(node[1])
const pictured = (attributes) => attributes?.src?.split("?")[0] // another picture is another element: the old one would stay until it has come

// Patched in place: replacing would lose the focus, the selection and the hover of whoever reads while the answer grows.
function patch(element, node) {
  const looked = drawn.get(element)?.look?.at
  const [centre, width] = [looked && centreOf(element, drawn.get(element).look.centre), element.scrollWidth]
  dress(element, node[1])
  patchChildren(element, node)
  const look = node[1].look
  if (look && look.at !== looked) requestAnimationFrame(() => lookFirst(element, look))
  else if (look) requestAnimationFrame(() => { if (element.scrollWidth !== width) lookAt(element, centre) }) // another size
}

// Where a scrolled element is looked at, as shares of all that it holds: the place that was opened while it is in view, else the middle.
function centreOf(view, [x, y]) {
  const [left, top] = [x * view.scrollWidth - view.scrollLeft, y * view.scrollHeight - view.scrollTop]
  if (left >= 0 && left <= view.clientWidth && top >= 0 && top <= view.clientHeight) return [x, y]
  return [(view.scrollLeft + view.clientWidth / 2) / view.scrollWidth, (view.scrollTop + view.clientHeight / 2) / view.scrollHeight]
}

function lookAt(view, [x, y]) {
  view.scrollTo(x * view.scrollWidth - view.clientWidth / 2, y * view.scrollHeight - view.clientHeight / 2)
}

// Another place to look at: it comes into view, and nothing that the reader has scrolled outside of the pane moves.
function lookFirst(view, look) {
  lookAt(view, look.centre)
  view.getRootNode().host?.closest(".stColumn, [role=dialog]")?.scrollTo({ top: 0 })
}

function patchChildren(element, node) {
  const children = node.slice(2)
  children.forEach((child, index) => {
    const present = element.childNodes[index]
    if (!present) element.append(build(child))
    else if (!fits(present, child)) present.replaceWith(build(child))
    else if (!isText(child)) patch(present, child)
    else if (present.data !== child) present.data = child
  })
  while (element.childNodes.length > children.length) element.lastChild.remove()
}

async function copy(text, root) {
  if (await navigator.clipboard?.writeText(text).then(() => true, () => false)) return
  const focused = root.getRootNode().activeElement // the way that is left over plain http from another machine
  const field = document.createElement("textarea")
  field.value = text
  field.className = "copying"
  root.after(field)
  field.select()
  const done = document.execCommand("copy")
  field.remove()
  focused?.focus()
  if (!done) throw new Error("The browser has not copied.")
}

function tell(view, act) {
  const now = Date.now()
  const id = Math.max(now, (view.clicks.at(-1)?.id ?? 0) + 1)
  view.clicks = [...view.clicks.filter((click) => now - click.id < RECENT), { id, act }]
  if (view.last) view.waits = true
  else send(view)
}

function send(view) {
  view.waits = false
  view.component.setTriggerValue("click", { clicks: view.clicks.map(({ id, act }) => [id, act]), width: window.innerWidth })
}

function listen(root, tip, said) {
  const button = (event) => event.target.closest?.("button, summary, a, [data-act]")
  let moved = true // since the last click: a tip would cover what the click has opened
  let fades
  const hide = () => { tip.hidden = true }
  const place = (bubble, target) => {
    bubble.hidden = false
    const at = target.getBoundingClientRect()
    const below = at.bottom + 6
    const flipped = below + bubble.offsetHeight > window.innerHeight
    bubble.style.left = `${Math.max(8, Math.min(at.left, window.innerWidth - bubble.offsetWidth - 8))}px`
    bubble.style.top = `${flipped ? at.top - bubble.offsetHeight - 6 : below}px`
  }
  const show = (event) => {
    const target = button(event)
    const text = target && drawn.get(target)?.tip
    if (!text || !moved) return
    tip.textContent = text
    place(tip, target)
  }
  // The number that opened a pane has the focus again when it is closed: who uses the keyboard goes on where they were.
  const act = (target, attributes) => {
    tell(views.get(root), attributes.act)
    if (attributes.n) document[OPENER] = target
    if (attributes.escape && document[OPENER]?.isConnected) document[OPENER].focus({ preventScroll: true })
  }
  const copied = async (target, { copy: text, copied: sentence }) => {
    await copy(text, root)
    clearTimeout(fades)
    said.textContent = sentence ?? "✓"
    place(said, target)
    fades = setTimeout(() => { said.hidden = true }, SAID)
  }
  root.addEventListener("click", (event) => {
    const target = button(event)
    const attributes = drawn.get(target)
    if (!attributes) return
    hide()
    moved = false
    if (attributes.off) return
    if (attributes.copy) copied(target, attributes)
    if (attributes.act) act(target, attributes)
  })
  root.addEventListener("load", (event) => { event.target.dataset.loaded = "yes" }, true)
  root.addEventListener("error", (event) => {
    const broken = drawn.get(event.target)?.broken
    if (broken) tell(views.get(root), broken)
  }, true)
  root.addEventListener("pointermove", (event) => { if (event.movementX || event.movementY) moved = true })
  root.addEventListener("mouseover", show)
  root.addEventListener("mouseout", hide)
  root.addEventListener("focusin", show)
  root.addEventListener("focusout", hide)
  root.addEventListener("keydown", (event) => {
    moved = true
    if (event.key === "Escape" && !tip.hidden) {
      hide()
      event.stopPropagation() // the next one closes what is open
    }
    const holder = event.target.closest("[data-keys]")
    const meant = drawn.get(holder)?.keys[event.key]
    if (!meant || event.altKey || event.ctrlKey || event.metaKey) return
    event.preventDefault()
    tell(views.get(root), meant)
  })
  const closing = (event) => {
    if (!root.isConnected) document.removeEventListener("keydown", closing)
    else if (event.key === "Escape" && !document.querySelector("[role=dialog]") && !event.composedPath()[0].closest?.("input, textarea"))
      root.querySelector("[data-escape]")?.click()
  }
  document.addEventListener("keydown", closing)
}

// What scrolls sideways is reached with the keyboard, too.
function reachable(root) {
  for (const box of root.querySelectorAll("table, pre")) set(box, "tabindex", box.scrollWidth > box.clientWidth ? 0 : "")
}

export default function (component) {
  const root = component.parentElement.querySelector(".tree")
  const { tree, signal, reveal } = component.data
  if (!views.has(root)) {
    views.set(root, { clicks: [], waits: false })
    listen(root, component.parentElement.querySelector(".tip"), component.parentElement.querySelector(".said"))
    new ResizeObserver(() => reachable(root)).observe(root)
  }
  const view = views.get(root)
  view.component = component
  view.last = signal === "last" // see tree_component.py, draw_tree
  patch(root, ["div", { c: "tree" }, tree])
  reachable(root)
  if (reveal && !root.dataset.revealed) {
    root.dataset.revealed = "yes"
    setTimeout(() => root.scrollIntoView({ block: "start" }), 50) // after the layout of what stands above
  }
  if (signal && root.dataset.signal !== signal) {
    root.dataset.signal = signal
    setTimeout(() => component.setTriggerValue("signal", signal))
  }
  if (view.waits && !view.last) setTimeout(() => send(view))
}
