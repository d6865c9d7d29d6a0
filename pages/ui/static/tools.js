// What the hand does on a figure: points drawn, moved and erased, means moved, pixels asked about and painted over.

import { typeset } from "./values.js";

const UNDO = 100;

export class Tools {
  constructor(player) {
    this.player = player;
    this.tool = "pick";
    this.names = [];
    this.undone = [];
    this.undoable = false;
  }

  get figure() { return this.player.stage?.figure; }

  /** The tools of the page; null for none. */
  offer(edit) {
    const names = edit ? ["pick", ...edit.tools] : [];
    if (names.join() === this.names.join()) return;
    this.names = names;
    this.undoable = names.includes("add") || names.includes("hide");
    this.use(edit?.start ?? "pick");
  }

  use(name) {
    this.tool = name;
    this.player.render();
  }

  restart() {
    if (!this.player.data.edit) this.undone = [];
    this.held = null; // the pixel that a click holds, so that the hand can leave it for the button that re-rolls it
  }

  listen(host) {
    host.addEventListener("pointerdown", (event) => this.figureAt(event) && this.down(event));
    host.addEventListener("pointermove", (event) => this.figureAt(event) && this.move(event));
    host.addEventListener("pointerup", () => this.figure && this.up());
    host.addEventListener("pointerleave", () => {
      this.hideTip();
      if (this.figure?.pixel && !this.keptPixel && !this.held) this.player.numbers.choosePixel(null);
    });
  }

  figureAt(event) { return this.figure && (this.grabbed !== undefined || this.brushing || this.figure.host.contains(event.target)); }

  spot(event) {
    const box = this.figure.plot.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  down(event) {
    const { figure, player } = this;
    if (player.base?.pixels) return this.pixelDown(event);
    const axes = figure.axes(), { cloud } = figure;
    if (!axes) return;
    const [px, py] = this.spot(event), hit = figure.pointAt(px, py);
    if (this.tool === "pick") {
      const component = figure.componentAt(px, py);
      if (component !== null) player.numbers.choose({ component });
      else if (hit !== null) player.numbers.choose({ point: hit });
      return;
    }
    if (!cloud) return;
    player.stageHost.setPointerCapture(event.pointerId);
    if (this.tool === "means") { this.grabbed = figure.componentAt(px, py, 30) ?? undefined; return; }
    this.remember([[...cloud.x], [...cloud.y]]);
    if (this.tool === "add") {
      if (cloud.x.length >= player.data.edit.max) return player.say(`The stage holds at most ${player.data.edit.max} drawn points: erase some first.`);
      this.setPoints([...cloud.x, axes.x(px)], [...cloud.y, axes.y(py)]);
      this.grabbed = figure.cloud.x.length - 1;
    } else if (this.tool === "move") this.grabbed = hit ?? undefined;
    else if (this.tool === "erase") { this.grabbed = -1; this.eraseAt(px, py); }
  }

  move(event) {
    const { figure } = this, [px, py] = this.spot(event);
    if (this.player.base?.pixels) return this.pixelMove(px, py);
    if (this.grabbed === undefined) return this.showTip(px, py);
    const axes = figure.axes();
    if (this.tool === "erase") this.eraseAt(px, py);
    else if (this.tool === "means") {
      const marks = figure.drawn.find((trace) => trace.meta?.pick === "component");
      marks.x = Float32Array.from(marks.x);
      marks.y = Float32Array.from(marks.y);
      marks.x[this.grabbed] = axes.x(px);
      marks.y[this.grabbed] = axes.y(py);
      window.Plotly.react(figure.plot, figure.drawn, figure.layout, { staticPlot: true });
    } else {
      figure.cloud.x[this.grabbed] = axes.x(px);
      figure.cloud.y[this.grabbed] = axes.y(py);
      figure.paintCloud();
    }
  }

  up() {
    const { figure, player } = this;
    if (this.brushing) {
      this.brushing = false;
      player.trigger("cells", { cells: [...figure.hiding].sort((a, b) => a - b), nonce: Date.now() });
    } else if (this.grabbed !== undefined) {
      this.grabbed = undefined;
      if (this.tool !== "means") return this.emitPoints();
      const marks = figure.drawn.find((trace) => trace.meta?.pick === "component");
      player.trigger("means", { x: [...marks.x], y: [...marks.y], nonce: Date.now() });
    }
  }

  eraseAt(px, py) {
    const hit = this.figure.pointAt(px, py, 18);
    if (hit === null) return;
    const { x, y } = this.figure.cloud;
    this.setPoints([...x].filter((_, i) => i !== hit), [...y].filter((_, i) => i !== hit));
  }

  setPoints(x, y) {
    Object.assign(this.figure.cloud, { x: Float32Array.from(x), y: Float32Array.from(y) });
    this.figure.picked = null;
    this.figure.paintCloud();
  }

  remember(what) {
    this.undone.push(what);
    if (this.undone.length > UNDO) this.undone.shift();
  }

  undoLast() {
    const kept = this.undone.pop();
    if (!kept) return;
    if (this.player.base.pixels) {
      this.figure.hiding = new Set(kept);
      this.figure.paintCloud();
      this.player.trigger("cells", { cells: kept, nonce: Date.now() });
    } else {
      this.setPoints(...kept);
      this.emitPoints();
    }
  }

  emitPoints() {
    clearTimeout(this.emitTimer);
    this.emitTimer = setTimeout(() => {
      const { x, y } = this.figure.cloud;
      this.player.trigger("points", { x: [...x], y: [...y], nonce: Date.now() });
    }, 350);
  }

  // -- pixels: asked about, jumped to, hidden --------------------------------------------------------------

  pixelDown(event) {
    const { figure, player } = this, hit = figure.pixelAt(...this.spot(event));
    if (!hit) return;
    const { pixels } = player.base;
    if (this.tool === "pick") {
      this.held = player.data.reroll && String(hit) !== String(this.held) ? hit : null;
      const step = pixels.steps?.[hit[1] * pixels.side + hit[2]];
      if (step > 0) player.seek(player.walk.film.indexOf(step)); // to where it was drawn
      this.keptPixel = event.pointerType !== "mouse"; // a finger leaves at once; what it chose stays
      player.numbers.choosePixel(hit);
      return;
    }
    player.stageHost.setPointerCapture(event.pointerId);
    const before = figure.hiding ? [...figure.hiding] : [...(pixels.hidden ?? [])];
    this.remember(before);
    player.walk.halt();
    figure.hiding = new Set(before);
    this.brushing = true;
    this.brush(hit);
  }

  pixelMove(px, py) {
    const hit = this.figure.pixelAt(px, py);
    this.pointer = [px, py];
    if (this.brushing) { if (hit) this.brush(hit); return; }
    if (this.tool !== "pick" || this.held || String(hit) === String(this.figure.pixel)) return;
    if (!hit) this.hideTip();
    this.keptPixel = false;
    this.player.numbers.choosePixel(hit);
  }

  brush([, row, column]) {
    const { side } = this.player.base.pixels, { hiding } = this.figure;
    for (let r = Math.max(0, row - 1); r <= Math.min(side - 1, row + 1); r++) {
      for (let c = Math.max(0, column - 1); c <= Math.min(side - 1, column + 1); c++) {
        if (this.tool === "hide") hiding.add(r * side + c);
        else hiding.delete(r * side + c);
      }
    }
    this.figure.paintCloud();
  }

  // -- what the pointer is on ------------------------------------------------------------------------------

  showTip(px, py) {
    const { figure, player } = this;
    const tips = figure.picture?.tips ?? player.base?.tips; // a text for every mark that can be picked
    const mark = tips && this.tool === "pick" ? figure.componentAt(px, py, 22) : null;
    if (mark !== null && tips[mark] !== undefined) return this.place(tips[mark], px, py);
    const hit = figure.cloud && this.tool === "pick" ? figure.pointAt(px, py, 10) : null;
    if (hit === null || hit === undefined) return this.hideTip();
    const mix = figure.picture?.cloud?.mix && figure.mixOf(figure.picture)[hit];
    const total = mix ? mix.reduce((a, b) => a + b, 0) : 0;
    const shares = mix ? [...mix].map((v, k) => [k + 1, v]).filter(([, v]) => v > 2).sort((a, b) => b[1] - a[1]).slice(0, 4)
      .map(([k, v]) => `${k}: ${Math.round((100 * v) / total)} %`).join(", ") : "";
    const { x, y } = figure.places();
    this.place(`point ${hit} (${x[hit].toFixed(2)}, ${y[hit].toFixed(2)})${shares ? ` · ${shares}` : ""}`.replaceAll("-", "−"), px, py);
  }

  /** A tip at the pointer, from another kind of picture; null takes it away. */
  say(text, event) {
    if (!text) return this.hideTip();
    const box = this.player.stageHost.getBoundingClientRect();
    this.placeAt(text, event.clientX - box.left, event.clientY - box.top);
  }

  place(text, px, py) {
    const home = this.player.stageHost.getBoundingClientRect(), plot = this.figure.plot.getBoundingClientRect();
    this.placeAt(text, px + plot.left - home.left, py + plot.top - home.top);
  }

  placeAt(text, x, y) {
    const { tipHost: tip, stageHost: stage } = this.player;
    tip.textContent = typeset(text);
    tip.hidden = false;
    const below = y + 14 + tip.offsetHeight < stage.clientHeight;
    tip.style.left = `${stage.offsetLeft + Math.max(0, Math.min(x + 14, stage.clientWidth - tip.offsetWidth))}px`;
    tip.style.top = `${stage.offsetTop + (below ? y + 14 : y - 10 - tip.offsetHeight)}px`;
  }

  hideTip() { this.player.tipHost.hidden = true; }
}
