// Presenter mode of a board, as the player has one for its stage: nothing but the board, large. P, or the button, turns
// it on and off; Escape leaves it. The page's own parts hide by the body's class (frame.css).

const TYPING = "input:not([type=range]), textarea, select, [contenteditable]";

// Whether it is wanted, and on which page: by the address that opened the app, then by the viewer. The server writes the
// address as it last read it, perhaps before the mode was left: then the page is right (`settings.one_entry` asks here).
let wanted = new URL(location.href).searchParams.get("present") === "1", place = location.pathname;

/** Whether what is put on the page now is to be presented; `on` says that the viewer has turned it on or off. */
export function wants(on = wanted && place === location.pathname) {
  [wanted, place] = [on, location.pathname];
  history.labPresent = on;
  const url = new URL(location.href);
  if (wanted) url.searchParams.set("present", "1"); else url.searchParams.delete("present");
  if (url.href !== location.href) history.replaceState(history.state, "", url);
  return wanted;
}

/** The button for a board whose root element is `root`; `signal` ends it. */
export function presenter(root, signal) {
  const button = Object.assign(document.createElement("button"), { type: "button", title: "Presenter mode: nothing but this (P)" });
  button.dataset.do = "present";
  const fit = () => {
    const on = root.classList.contains("presenting");
    root.style.setProperty("--scale", on ? Math.max(1, Math.min(1.4, innerWidth / 800, innerHeight / 640)) : 1);
  };
  const turn = (on) => {
    root.classList.toggle("presenting", on);
    document.body.classList.toggle("lab-present", on);
    fit();
    button.textContent = on ? "Leave presenter mode" : "Present";
    wants(on);
  };
  button.addEventListener("click", () => turn(!root.classList.contains("presenting")));
  document.addEventListener("keydown", (event) => {
    const on = root.classList.contains("presenting");
    if (event.ctrlKey || event.metaKey || event.altKey || event.composedPath()[0].closest?.(TYPING)) return;
    if (event.key === "Escape" ? on : event.key.toLowerCase() === "p") turn(!on);
  }, { signal });
  window.addEventListener("resize", fit, { signal });
  signal.addEventListener("abort", () => document.body.classList.remove("lab-present"));
  turn(wants());
  return button;
}
