// Builds and patches a tree of nodes: a string, or [tag, attributes, ...children]. Text only ever becomes text nodes.
const TAGS = new Set([
  "div", "p", "span", "strong", "em", "mark", "code", "pre", "br", "hr", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6",
  "table", "thead", "tbody", "tr", "th", "td", "blockquote", "button", "img",
])

const views = new WeakMap() // root element -> what its listeners need of the latest drawing
const tips = new WeakMap() // element -> text shown on hover and focus

const isText = (node) => typeof node === "string"
const tagOf = (node) => (TAGS.has(node[0]) ? node[0] : "span")

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
  if (element.localName === "ol") set(element, "start", Number.isInteger(attributes.start) ? attributes.start : "")
  if (element.localName === "button") element.type = "button"
  tips.set(element, attributes.tip)
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

function listen(root, tip) {
  const button = (event) => event.target.closest?.("button[data-act]")
  let moved = true // since the last click: a tip would cover what the click has opened
  const hide = () => { tip.hidden = true }
  const show = (event) => {
    const target = button(event)
    const text = target && tips.get(target)
    if (!text || !moved) return
    tip.textContent = text
    tip.hidden = false
    const at = target.getBoundingClientRect()
    const below = at.bottom + 6
    const flipped = below + tip.offsetHeight > window.innerHeight
    tip.style.left = `${Math.max(8, Math.min(at.left, window.innerWidth - tip.offsetWidth - 8))}px`
    tip.style.top = `${flipped ? at.top - tip.offsetHeight - 6 : below}px`
  }
  root.addEventListener("click", (event) => {
    const target = button(event)
    if (!target) return
    hide()
    moved = false
    const view = views.get(root)
    const click = { act: target.dataset.act, width: window.innerWidth }
    if (view.last) view.held = click
    else view.component.setTriggerValue("click", click)
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
  if (!views.has(root)) listen(root, component.parentElement.querySelector(".tip"))
  const held = views.get(root)?.held
  const last = signal === "last" // see tree_component.py, draw_tree
  views.set(root, { component, last, held: last ? held : null })
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
  if (held && !last) setTimeout(() => component.setTriggerValue("click", held))
}
