// Streamlit keeps the chosen colours in the browser, for each page by its address, and reads them when a page is loaded. They are therefore
// written for all our pages, and the page is loaded anew.
const KEY = (path) => `stActiveTheme-${path}-v2`

export default function ({ data, parentElement }) {
  const group = parentElement.querySelector(".themes")
  const folder = window.location.pathname.replace(/[^/]*$/, "")
  let chosen = "System"
  try {
    chosen = JSON.parse(window.localStorage.getItem(KEY(window.location.pathname))) ?? chosen
  } catch { /* it keeps nothing, or nothing of ours */ }
  group.setAttribute("aria-label", data.label)
  parentElement.querySelector(".label").textContent = data.label
  group.replaceChildren(...Object.entries(data.names).map(([theme, name]) => {
    const button = document.createElement("button")
    button.type = "button"
    button.textContent = name
    button.setAttribute("aria-pressed", String(theme === chosen))
    button.onclick = () => {
      for (const path of data.paths) window.localStorage.setItem(KEY(folder + path), JSON.stringify(theme))
      window.location.reload()
    }
    return button
  }))
}
