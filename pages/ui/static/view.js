// The player's markup: what lit-html renders from the state of a player.

import { html, nothing } from "./vendor/lit-html.js";

const ICONS = {
  first: "M5 4v16M19 5l-10 7 10 7z", back: "M16 5l-9 7 9 7z", play: "M7 4l13 8-13 8z",
  pause: "M7 4h4v16H7zM14 4h4v16h-4z", next: "M8 5l9 7-9 7z",
};
const SPEEDS = [0.5, 1, 2, 4, 8, 16, 30];
const TOOLS = { pick: "Pick", add: "Add points", move: "Move", erase: "Erase", means: "Move means", hide: "Hide pixels", reveal: "Show pixels" };

const icon = (name) => html`<span aria-hidden="true"><svg viewBox="0 0 24 24" width="1.2em" height="1.2em" fill="currentColor"
  stroke="currentColor" stroke-width="1.5" stroke-linejoin="round"><path d=${ICONS[name]}></path></svg></span>`;
const button = (label, title, action, name, shown = name) =>
  html`<button type="button" title=${title} aria-label=${label} data-do=${name} @click=${action}>${icon(shown)}</button>`;

export function view(player) {
  const { data, walk, base } = player;
  const curve = Boolean(base?.curves?.length || base?.curve_sets?.length), side = curve || data.numbers;
  const still = walk.over && walk.film.length <= 1; // one picture has nothing to play
  return html`
    <div class=${`grid ${side ? "" : "alone"} ${curve ? "" : "nocurve"} ${side ? player.place ?? "" : ""}`}>
      <div class="main">
        ${data.title ? html`<div class="title">${data.title}</div>` : nothing}
        ${edge(player)}
        <div class=${`stage ${data.wide ? "wide" : ""}`} role="img" tabindex="0" aria-label="Loading" data-tool=${player.tools.tool}></div>
        <div class="tip" hidden></div>
        ${bar(player, still)}
      </div>
      <div class="words">
        <div class=${`notice ${walk.status.state === "failed" ? "bad" : ""}`} role="status" ?hidden=${!player.notice && !player.saving.busy}>${player.saving.busy ? player.saving.progress() : player.notice}</div>
        <div class="caption" aria-live="off"></div>
      </div>
      <div class="side">
        ${curves(player)}
        <div class="curve" hidden translate="no"></div>
        <div class="numbers" ?hidden=${!data.numbers}>${player.numbers.view()}</div>
      </div>
    </div>
    ${player.saving.dialog()}`;
}

function bar(player, still) {
  const { data, walk } = player, last = walk.film.last?.step ?? 0;
  const text = `step ${walk.step} of ${last}${walk.over ? "" : "+"}`;
  return html`<div class="bar" ?data-still=${still}>
    ${button("First step", "First step (Home)", () => player.seek(0), "first")}
    ${button("One step back", "One step back (left arrow)", () => player.seek(walk.cursor - 1), "back")}
    ${button(walk.playing ? "Pause" : "Play", "Play or pause (space)", () => player.toggle(), "play", walk.playing ? "pause" : "play")}
    ${button("One step forward", "One step forward (right arrow)", () => player.forward(), "next")}
    <input type="range" class="scrub" min="0" step="1" aria-label="Step of the run" aria-valuetext=${text}
      @input=${(event) => player.seek(Number(event.target.value))}>
    <span class="counter">${text}</span>
    <select class="speed" aria-label="Speed" title="Speed (- and +)"
      @change=${(event) => player.setSpeed(event.target.value === "max" ? null : Number(event.target.value))}>
      ${(data.speeds ?? SPEEDS).map((speed) => html`<option value=${speed}>${speed} ${speed === 1 ? "step/s" : "steps/s"}</option>`)}
      <option value="max">as fast as possible</option>
    </select>
    ${menu(player)}
  </div>`;
}

/** What is done once and away: in a menu, so that the transport stays one row. */
function menu(player) {
  const { data, walk, base } = player;
  const presenting = document.body.classList.contains("lab-present");
  const item = (name, label, action, title = "", pressed) => html`<button type="button" role="menuitem" data-do=${name} title=${title}
    aria-pressed=${pressed ?? nothing} @click=${() => player.pickItem(action)}>${label}</button>`;
  return html`<div class="menu">
    <button type="button" class="more" data-do="menu" aria-haspopup="menu" aria-expanded=${String(player.menu)} aria-label="More" title="More" @click=${() => player.openMenu()}>⋯</button>
    <div class="items" role="menu" ?hidden=${!player.menu}>
      ${item("present", presenting ? "Leave presenter mode (Esc)" : "Present (P)", () => player.present())}
      ${item("live", "Jump to newest", () => walk.newest(), "To the newest step, and stay there as more come", String(walk.follow))}
      ${base?.rows ? item("row", "Finish the row", () => player.leap(), "On to the end of the row (shift and right arrow)") : nothing}
      ${data.forkable ? item("fork", "Branch from here", () => player.fork(), "Start a second run from this step, with one setting changed") : nothing}
      ${walk.over ? nothing : item("stop", "End run", () => player.stop(), "End this run; its history stays")}
      <hr>
      ${item("png", "Save the picture (PNG)", () => player.saving.picture())}
      ${item("csv", "Save the numbers (CSV)", () => player.saving.table())}
      ${walk.film.length > 1 ? html`${item("gif", "Save the run (GIF)", () => player.saving.gif())}
        ${item("video", "Save the run (video)", () => player.saving.video())}` : nothing}
      ${data.weights ? item("weights", "Save the weights", () => player.saving.weights()) : nothing}
      ${data.code ? item("code", "Code of this step", () => player.saving.askCode()) : nothing}
    </div>
  </div>`;
}

/** Above the picture: the layers as a legend, whose swatches carry the colours they switch, and the drawing tools. */
function edge(player) {
  const { data, tools, stage, base } = player;
  const names = tools.names, layers = data.layers ?? [];
  if (!layers.length && !names.length) return nothing;
  return html`<div class="edge">
    <div class="legend" role="group" aria-label="Layers">${layers.map((layer) => html`<button type="button" data-layer=${layer.id}
      aria-pressed=${String(stage ? !stage.hidden.has(layer.id) : layer.on !== false)} @click=${() => player.toggleLayer(layer.id)}>
      <span class="swatch" style=${swatch(layer, base, stage?.look?.colour)}></span>${layer.label}</button>`)}</div>
    <div class="tools" role="group" aria-label="Drawing tools">${names.map((name) => html`<button type="button" data-tool=${name}
      aria-pressed=${String(tools.tool === name)} @click=${() => tools.use(name)}>${TOOLS[name]}</button>`)}
      ${tools.undoable ? html`<button type="button" data-do="undo" title="Take the last change back" @click=${() => tools.undoLast()}>Undo</button>` : nothing}
    </div>
  </div>`;
}

/** The colours of what a layer switches, as a background: from its traces, its points, its images. */
function swatch(layer, base, colour) {
  if (!base || !colour) return "";
  const own = layer.colour ? [layer.colour] : coloursOf(layer.id, base);
  const found = own.map(colour).slice(0, 4);
  if (!found.length) return "background: repeating-conic-gradient(currentColor 0 25%, transparent 0 50%) 0 0 / 8px 8px";
  const stops = found.map((c, i) => `${c} ${(100 * i) / found.length}% ${(100 * (i + 1)) / found.length}%`);
  return `background: linear-gradient(90deg, ${stops.join(", ")})`;
}

function coloursOf(id, base) {
  const found = [];
  for (const trace of base.traces ?? []) {
    if (trace.meta?.layer !== id) continue;
    for (const part of [trace.fillcolor, trace.line?.color, trace.marker?.color, trace.type === "scatter" ? trace.textfont?.color : null, trace.colorscale?.at?.(-1)?.[1]]) {
      const one = Array.isArray(part) ? part : [part];
      found.push(...one.filter((c) => typeof c === "string" && /^(@|#|rgb)/.test(c)));
    }
  }
  if (id === "points" && base.cloud) found.push(...base.cloud.colours);
  const track = /^track(\d+)$/.exec(id);
  if (track && base.roll) found.push(base.roll.tracks?.[track[1]]?.colour ?? `@c${track[1]}`);
  return [...new Set(found.map((c) => c.replace(/\/\d+$/, "")))];
}

function curves(player) {
  const sets = player.base?.curve_sets ?? [];
  return html`<select class="curves" aria-label="Curve" title="What the curve shows" ?hidden=${sets.length < 2} @change=${(event) => {
    player.curveChoice = Number(event.target.value);
    player.restyle();
  }}>${sets.map((set, i) => html`<option value=${i} ?selected=${i === player.curveChoice}>${set.name}</option>`)}</select>`;
}
