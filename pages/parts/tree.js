// Builds and patches a tree of nodes: a string, or [tag, attributes, ...children]. Text only ever becomes text nodes.
const TAGS = new Set([
  "div", "p", "span", "strong", "em", "mark", "code", "pre", "br", "hr", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6",
  "table", "thead", "tbody", "tr", "th", "td", "blockquote", "button", "img", "details", "summary", "a",
])
const RECENT = 10_000 // ms for which a click is told again with each further one, lest Streamlit keep only the last of several
const SAID = 2_000 // ms for which a button says that it has copied

const views = new WeakMap() // root element -> what its listeners need of the latest drawing
const drawn = new WeakMap() // element -> the attributes it was last drawn with

const isText = (node) => typeof node === "string"
const tagOf = (node) => (TAGS.has(node[0]) ? node[0] : "span")
const ours = (path) => (typeof path === "string" && /^\/(?![/\\])/.test(path) ? path : undefined) // never another host

function build(node) {
  if (isText(node)) return document.createTextNode(node)
  const element = document.createElement(tagOf(node))
  dress(element, node[1])
  for (const child of node.slice(2)) element.append(build(child))
  return element
}

function set(element, name, value) {
  if (value === undefined || value === null || value === "") element.removeAttribute(name)
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value))
}

function dress(element, attributes) {
  set(element, "class", attributes.c)
  set(element, "title", attributes.title)
  set(element, "aria-label", attributes.label)
  set(element, "data-act", attributes.act)
  set(element, "data-n", attributes.n)
  set(element, "aria-pressed", attributes.on)
  set(element, "aria-disabled", attributes.off)
  set(element, "role", "tick" in attributes ? "checkbox" : "bar" in attributes ? "progressbar" : undefined)
  set(element, "aria-checked", attributes.tick)
  set(element, "aria-valuenow", "bar" in attributes ? Math.round(100 * attributes.bar) : undefined)
  if ("bar" in attributes) element.style.setProperty("--filled", `${100 * attributes.bar}%`)
  if (element.localName === "img") { set(element, "alt", attributes.label); set(element, "src", attributes.png && `data:image/png;base64,${attributes.png}`) }
  if (element.localName === "a") {
    set(element, "href", ours(attributes.to))
    set(element, "target", "_blank")
    set(element, "rel", "noopener")
  }
  if (element.localName === "details" && drawn.get(element)?.open !== attributes.open) element.open = attributes.open === true // else as the reader left it
  if (element.localName === "ol") set(element, "start", Number.isInteger(attributes.start) ? attributes.start : "")
  if (element.localName === "button") element.type = "button"
  drawn.set(element, attributes)
}

const fits = (present, node) =>
  isText(node) ? present.nodeType === Node.TEXT_NODE : present.nodeType === Node.ELEMENT_NODE && present.localName === tagOf(node)

// Patched in place: replacing would lose the focus, the selection and the hover of whoever reads while the answer grows.
function patch(element, node) {
  dress(element, node[1])
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
  const button = (event) => event.target.closest?.("button, summary, a")
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
    if (attributes.act) tell(views.get(root), attributes.act)
  })
  root.addEventListener("pointermove", (event) => { if (event.movementX || event.movementY) moved = true })
  root.addEventListener("mouseover", show)
  root.addEventListener("mouseout", hide)
  root.addEventListener("focusin", show)
  root.addEventListener("focusout", hide)
  root.addEventListener("keydown", (event) => { if (event.key === "Escape") hide() })
}

export default function (component) {
  const root = component.parentElement.querySelector(".tree")
  const { tree, signal, reveal } = component.data
  if (!views.has(root)) {
    views.set(root, { clicks: [], waits: false })
    listen(root, component.parentElement.querySelector(".tip"), component.parentElement.querySelector(".said"))
  }
  const view = views.get(root)
  view.component = component
  view.last = signal === "last" // see tree_component.py, draw_tree
  patch(root, ["div", { c: "tree" }, tree])
  root.classList.toggle("latest", reveal) // tall enough to stand at the top of the window, however short it is as yet
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
