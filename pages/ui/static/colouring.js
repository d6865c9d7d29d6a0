// Colouring: an outline under the hand, and beside it what the network makes of it while it is drawn.
//
// One question at a time goes over a socket, the newest outline first. The root element carries data-answers (count of
// pictures shown), data-ms (from the stroke to the last picture), data-strokes, data-row and data-asking (1 while an
// answer is under way), which tests read.

import { Asking } from "./asking.js";
import { presenter } from "./presenter.js";
import { decode } from "./values.js";

const SIDE = 64, SIZE = 512; // pixels of the outline, pixels that strokes are drawn with
const PENS = { pen: 24, eraser: 56 }, STEP = 16;
const views = new WeakMap();

export function mount(component) {
  const host = component.parentElement;
  if (!views.has(host)) views.set(host, new Colouring(host, component.data));
  const view = views.get(host);
  view.update(component.data);
  return () => { view.dispose(); views.delete(host); };
}

function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== false && value !== null) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** Bytes of red, green and blue onto a canvas of their own size, which CSS enlarges without smoothing. */
function paint(canvas, flat, side = SIDE) {
  canvas.width = canvas.height = side;
  const pixels = new ImageData(side, side);
  for (let i = 0; i < side * side; i++) pixels.data.set([flat[3 * i], flat[3 * i + 1], flat[3 * i + 2], 255], 4 * i);
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}

class Colouring {
  constructor(host, data) {
    this.server = new Asking(() => `${this.data.root}lab/pix2pix/${this.data.variant}`);
    this.strokes = []; // each {tool, points}
    this.redoable = [];
    this.tool = "pen";
    this.at = [SIZE / 2, SIZE / 2];
    this.seed = 0;
    this.answers = 0;
    this.base = null; // a test outline below the strokes
    this.build(host, data);
  }

  build(host, data) {
    const button = (text, name, title, action, extra = {}) => el("button", { type: "button", "data-do": name, title, onclick: action, ...extra }, text);
    this.canvas = el("canvas", { width: SIZE, height: SIZE });
    this.mark = el("div", { class: "pen" });
    this.sheet = el("div", { class: "sheet", tabindex: "0", role: "application", "aria-label": "Outline. Draw with the pointer; or move with the arrow keys and hold Shift to draw. Backspace takes back a stroke." }, this.canvas, this.mark);
    this.made = el("canvas", { class: "made", width: SIDE, height: SIDE, role: "img", "aria-label": "What the network makes of the outline" });
    this.map = el("canvas", { class: "map", hidden: true });
    this.patch = el("div", { class: "patch", hidden: true });
    this.result = el("div", { class: "result" }, this.made, this.map, this.patch);
    this.truth = el("canvas", { class: "truth", width: SIDE, height: SIDE, role: "img", "aria-label": "The drawing that the outline was taken from" });
    this.truthBox = el("figure", { hidden: true }, this.truth, el("figcaption", {}, "The true drawing"));
    this.words = el("div", { class: "words", role: "status" });
    this.notice = el("div", { class: "notice bad", role: "status", hidden: true });
    this.tools = el("div", { class: "chips", role: "group", "aria-label": "Tool" },
      button("Pen", "pen", "Draw black lines", () => this.use("pen")), button("Eraser", "eraser", "Take lines away", () => this.use("eraser")));
    this.mapButton = button("What the discriminator says", "map", "How real it finds each patch; move over the picture to see how much a patch holds", () => this.toggleMap(), { "aria-pressed": "false" });
    this.names = el("select", { "aria-label": "Test outline", onchange: () => this.example(Number(this.names.value)) },
      el("option", { value: -1 }, "an empty sheet"), ...data.names.map((name, i) => el("option", { value: i }, name)));
    this.root = el("div", { class: "lab", "data-answers": 0, "data-strokes": 0, "data-row": -1 },
      el("div", { class: "colouring" },
        el("figure", {}, this.sheet, el("figcaption", {}, "Your outline")),
        el("figure", {}, this.result, el("figcaption", {}, "Coloured by the network")),
        this.truthBox),
      this.words, this.notice,
      el("div", { class: "bar" }, this.tools,
        el("div", { class: "chips" }, button("Undo", "undo", "Take back a stroke (Backspace)", () => this.undo()), button("Redo", "redo", "Put back a stroke", () => this.redo()),
          button("Clear", "clear", "An empty sheet", () => this.example(-1))),
        el("label", {}, "Start from ", this.names), button("Another", "another", "Another test outline", () => this.example((this.row + 1) % data.names.length)),
        button("Other noise", "noise", "Draw dropout anew: the network's only chance", () => { this.seed += 1; this.changed(); }), this.mapButton));
    host.append(this.root);
    this.ending = new AbortController();
    this.root.querySelector(".bar").append(presenter(this.root, this.ending.signal));
    this.sheet.addEventListener("pointerdown", (event) => { this.sheet.focus(); this.sheet.setPointerCapture(event.pointerId); this.begin(this.place(event)); });
    this.sheet.addEventListener("pointermove", (event) => this.drawing && this.go(this.place(event)));
    for (const end of ["pointerup", "pointercancel"]) this.sheet.addEventListener(end, () => { this.drawing = false; });
    this.sheet.addEventListener("keydown", (event) => this.key(event));
    this.sheet.addEventListener("keyup", (event) => { if (event.key === "Shift") this.drawing = false; });
    this.result.addEventListener("pointermove", (event) => this.point(event));
    this.result.addEventListener("pointerleave", () => { this.patch.hidden = true; this.say(); });
    this.use("pen");
  }

  update(data) {
    const fresh = !this.data || data.variant !== this.data.variant;
    const started = !this.data;
    this.data = data;
    this.mapButton.hidden = !data.judges;
    if (!data.judges) this.map.hidden = this.patch.hidden = true;
    if (started) this.example(data.row);
    else if (fresh) this.changed();
  }

  use(tool) {
    this.tool = tool;
    for (const button of this.tools.children) button.setAttribute("aria-pressed", String(button.dataset.do === tool));
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIZE, ((event.clientY - box.top) / box.height) * SIZE];
  }

  begin(point) {
    this.drawing = true;
    this.redoable = [];
    this.strokes.push({ tool: this.tool, points: [point] });
    this.changed();
  }

  go(point) { this.strokes.at(-1).points.push(point); this.changed(); }

  key(event) {
    const by = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key];
    if (event.key === "Backspace") this.undo();
    else if (!by) return;
    else {
      if (event.shiftKey && !this.drawing) this.begin([...this.at]);
      this.at = this.at.map((value, i) => clamp(value + by[i], 0, SIZE));
      if (event.shiftKey) this.go([...this.at]);
      this.placePen();
    }
    event.preventDefault();
    event.stopPropagation();
  }

  placePen() { [this.mark.style.left, this.mark.style.top] = this.at.map((value) => `${(100 * value) / SIZE}%`); }

  undo() { if (this.strokes.length) { this.redoable.push(this.strokes.pop()); this.changed(); } }

  redo() { if (this.redoable.length) { this.strokes.push(this.redoable.pop()); this.changed(); } }

  /** A test outline to begin with, or (-1) nothing. */
  async example(row) {
    this.row = row;
    this.names.value = row;
    this.root.dataset.row = row;
    [this.strokes, this.redoable] = [[], []];
    const answer = row < 0 ? null : await this.server.request("example", { row });
    if (this.row !== row || this.disposed) return;
    this.base = null;
    this.truthBox.hidden = !answer;
    if (answer) {
      const outline = decode(answer.outline), grey = new Uint8Array(3 * SIDE * SIDE);
      outline.forEach((level, i) => grey.fill(level, 3 * i, 3 * i + 3));
      this.base = el("canvas");
      paint(this.base, grey);
      paint(this.truth, decode(answer.drawing));
    }
    this.changed();
  }

  /** Draw the sheet, read it as 64 x 64 levels, ask. */
  changed() {
    const pen = this.canvas.getContext("2d", { willReadFrequently: true });
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, SIZE, SIZE);
    pen.imageSmoothingEnabled = false;
    if (this.base) pen.drawImage(this.base, 0, 0, SIZE, SIZE);
    Object.assign(pen, { lineCap: "round", lineJoin: "round" });
    for (const { tool, points } of this.strokes) {
      pen.strokeStyle = tool === "eraser" ? "#fff" : "#000";
      pen.lineWidth = PENS[tool];
      pen.beginPath();
      points.forEach((point, i) => pen[i ? "lineTo" : "moveTo"](...point));
      if (points.length === 1) pen.lineTo(points[0][0] + 0.1, points[0][1]);
      pen.stroke();
    }
    this.placePen();
    this.root.dataset.strokes = this.strokes.length;
    const small = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE }).getContext("2d", { willReadFrequently: true });
    small.imageSmoothingQuality = "high";
    small.drawImage(this.canvas, 0, 0, SIDE, SIDE);
    const data = small.getImageData(0, 0, SIDE, SIDE).data;
    this.wanted = { x: btoa(String.fromCharCode(...Uint8Array.from({ length: SIDE * SIDE }, (_, i) => data[4 * i]))), seed: this.seed };
    this.since = performance.now();
    this.follow();
  }

  async follow() {
    this.root.dataset.asking = "1";
    if (this.asking) return;
    this.asking = true;
    while (this.wanted) {
      const question = this.wanted, since = this.since;
      this.wanted = null;
      const answer = await this.server.ask("colour", question);
      if (this.disposed) return;
      this.notice.hidden = !answer.error;
      this.notice.textContent = answer.error ? `This did not work: ${answer.error}.` : "";
      if (answer.error) break;
      paint(this.made, decode(answer.made));
      this.seen = answer.map ? { levels: decode(answer.map), side: answer.side } : null;
      this.paintMap();
      this.say();
      this.answers += 1;
      this.root.dataset.answers = this.answers;
      this.root.dataset.ms = Math.round(performance.now() - since);
    }
    this.asking = false;
    this.root.dataset.asking = "0";
  }

  // -- the discriminator's map ---------------------------------------------------------------------------

  toggleMap() {
    this.map.hidden = !this.map.hidden;
    this.mapButton.setAttribute("aria-pressed", String(!this.map.hidden));
    if (this.map.hidden) this.patch.hidden = true;
    this.say();
  }

  /** One square an answer, blue where it is taken for real and orange where not, at the middle of its patch. */
  paintMap() {
    if (!this.seen) return;
    const { levels, side } = this.seen, [stride, first, size] = this.data.field;
    this.map.width = this.map.height = SIZE;
    const pen = this.map.getContext("2d"), unit = SIZE / SIDE;
    levels.forEach((level, i) => {
      const p = level / 255, [row, column] = [Math.floor(i / side), i % side];
      const corner = (k) => (first + stride * k + (size - stride) / 2) * unit;
      pen.fillStyle = p > 0.5 ? `rgb(0 114 178 / ${(2 * p - 1) * 0.75})` : `rgb(213 94 0 / ${(1 - 2 * p) * 0.75})`;
      pen.fillRect(corner(column), corner(row), stride * unit, stride * unit);
    });
  }

  point(event) {
    if (this.map.hidden || !this.seen) return;
    const box = this.made.getBoundingClientRect(), [stride, first, size] = this.data.field, { side, levels } = this.seen;
    const of = (at) => clamp(Math.round((at * SIDE - size / 2 - first) / stride), 0, side - 1);
    const column = of((event.clientX - box.left) / box.width), row = of((event.clientY - box.top) / box.height);
    const edge = (k) => [clamp(first + stride * k, 0, SIDE), clamp(first + stride * k + size, 0, SIDE)].map((v) => (100 * v) / SIDE);
    const [[left, right], [top, bottom]] = [edge(column), edge(row)];
    Object.assign(this.patch.style, { left: `${left}%`, width: `${right - left}%`, top: `${top}%`, height: `${bottom - top}%` });
    this.patch.hidden = false;
    this.say(levels[row * side + column] / 255);
  }

  say(p) {
    const all = this.seen && !this.map.hidden ? this.seen.levels.reduce((a, b) => a + b, 0) / this.seen.levels.length / 255 : null;
    this.words.textContent = p !== undefined ? `This patch: taken for real with probability ${p.toFixed(2)}.`
      : all !== null ? `Blue: taken for real, orange: not. On average over the patches the probability is ${all.toFixed(2)}.` : "";
  }

  dispose() { this.disposed = true; this.ending.abort(); this.server.close(); }
}
