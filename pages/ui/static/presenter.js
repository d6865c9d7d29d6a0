// Presenter mode of a board, as the player has one for its stage: nothing but the board, large. P, or the button, turns
// it on and off; Escape leaves it. The page's own parts hide by the body's class (frame.css).

const TYPING = "input:not([type=range]), textarea, select, [contenteditable]";

/** The button for a board whose root element is `root`; `signal` ends it. It opens as the address says. */
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
    const url = new URL(location.href);
    if (on) url.searchParams.set("present", "1"); else url.searchParams.delete("present");
    if (url.href !== location.href) history.replaceState(history.state, "", url);
  };
  button.addEventListener("click", () => turn(!root.classList.contains("presenting")));
  document.addEventListener("keydown", (event) => {
    const on = root.classList.contains("presenting");
    if (event.ctrlKey || event.metaKey || event.altKey || event.composedPath()[0].closest?.(TYPING)) return;
    if (event.key === "Escape" ? on : event.key.toLowerCase() === "p") turn(!on);
  }, { signal });
  window.addEventListener("resize", fit, { signal });
  signal.addEventListener("abort", () => document.body.classList.remove("lab-present"));
  turn(new URL(location.href).searchParams.get("present") === "1");
  return button;
}
