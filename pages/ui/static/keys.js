// The keyboard. After a click space means play, not the button last pressed; after Tab it presses the button.

const TYPING = "input:not(.scrub), textarea, select, [contenteditable], [role=textbox], [role=combobox], [role=slider], [role=application], [role=radiogroup], [role=listbox]";
const CONTROL = '[data-testid="stSidebarUserContent"] [data-testid="stElementContainer"]';
const PRESSING = "button, a, summary, [role=button], [role=tab], [role=checkbox], [role=switch]";

export function onKey(player, event) {
  if (event.key === "Tab") player.pointed = false;
  if (player.data.lead === false || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.composedPath()[0], presenting = document.body.classList.contains("lab-present");
  if (event.key === "Escape" && player.menu) return player.openMenu(false);
  if (event.key === "Escape" && player.saving.open) return player.saving.closeCode();
  if (event.key === "Escape" && document.body.classList.contains("lab-control")) return showControl();
  if (target.closest?.(TYPING) && !(presenting && event.key === "Escape")) return;
  const pressing = target.closest?.(PRESSING) && !player.pointed;
  const { walk } = player;
  const actions = {
    ArrowRight: () => (event.shiftKey && player.base?.rows ? player.leap() : player.forward()),
    ArrowLeft: () => player.seek(walk.cursor - 1),
    Home: () => player.seek(0), End: () => player.seek(walk.last),
    "+": () => faster(player, +1), "-": () => faster(player, -1),
    p: () => player.present(), P: () => player.present(),
  };
  if (!pressing) actions[" "] = () => player.toggle();
  if (presenting) {
    Object.assign(actions, {
      PageDown: () => on(player, +1), PageUp: () => on(player, -1), // what a clicker sends
      n: () => player.root.classList.toggle("numbers-open"), c: showControl, Escape: () => player.present(false),
    });
  }
  const action = actions[event.key];
  if (!action) return;
  event.preventDefault();
  event.stopPropagation();
  action();
}

/** Firefox presses a button when space is let go. */
export function onKeyUp(player, event) {
  if (event.key === " " && player.pointed && event.composedPath()[0].closest?.(PRESSING)) event.preventDefault();
}

function faster(player, by) {
  const box = player.root.querySelector(".speed"), next = box.selectedIndex + by;
  if (next < 0 || next >= box.options.length) return;
  box.selectedIndex = next;
  box.dispatchEvent(new Event("change"));
}

/** A clicker goes through the scenes where the page has some, else through the steps. */
function on(player, by) {
  const scenes = [...document.querySelectorAll(".st-key-lab-scenes-row button")];
  if (scenes.length > 1) {
    const at = scenes.findIndex((one) => one.matches('[data-testid$="-primary"]')); // the one that plays; -1: none yet
    scenes[Math.max(0, Math.min(scenes.length - 1, at + by))].click();
  } else if (by > 0) player.forward();
  else player.seek(player.walk.cursor - 1);
}

/** The control that was touched last, over the stage and under the arrow keys; once more, or Escape, puts it away. */
function showControl() {
  const chosen = document.querySelector(".lab-chosen") ?? document.querySelector(CONTROL);
  if (!chosen) return;
  chosen.classList.add("lab-chosen");
  if (document.body.classList.toggle("lab-control")) chosen.querySelector("input, [role=slider], button, [tabindex]")?.focus();
  else document.activeElement?.blur();
}

// A scene plays where it is seen.
document.addEventListener("click", (event) => {
  if (event.target.closest?.(".st-key-lab-scenes button")) document.querySelector('[data-testid="stMain"]')?.scrollTo({ top: 0 });
});

// Which control that is: the last one in the sidebar that had the focus.
document.addEventListener("focusin", (event) => {
  const control = event.target.closest?.(CONTROL);
  if (!control) return;
  document.querySelectorAll(".lab-chosen").forEach((other) => other.classList.remove("lab-chosen"));
  control.classList.add("lab-chosen");
});
