// Colouring: an outline under the hand, and beside it what the network makes of it while it is drawn.
//
// One question at a time goes over a socket, the newest outline first. The root element carries data-answers (count of
// pictures shown), data-ms (from the stroke to the last picture), data-strokes, data-row and data-asking (1 while an
// answer is under way), which tests read.

import { Asking } from "./asking.js";
import { button, clamp, el, follow, mounting, paint, share } from "./hand.js";
import { presenter } from "./presenter.js";
import { Strokes } from "./strokes.js";
import { decode } from "./values.js";

const SIDE = 64, SIZE = 512; // pixels of the outline, pixels that strokes are drawn with
const TOOLS = { pen: ["#000", 24], eraser: ["#fff", 56] };

class Colouring {
  constructor(host, data) {
    this.server = new Asking(() => `${this.data.root}lab/pix2pix/${this.data.variant}`);
    this.drawn = new Strokes({ size: SIZE, step: 16, label: "Outline", changed: () => this.changed() });
    this.seed = 0;
    this.answers = 0;
    this.base = null; // a test outline below the strokes
    this.build(host, data);
  }

  build(host, data) {
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
        el("figure", {}, this.drawn.sheet, el("figcaption", {}, "Your outline")),
        el("figure", {}, this.result, el("figcaption", {}, "Coloured by the network")),
        this.truthBox),
      this.words, this.notice,
      el("div", { class: "bar" }, this.tools,
        el("div", { class: "chips" }, ...this.drawn.buttons,
          button("Clear", "clear", "An empty sheet", () => this.example(-1))),
        el("label", {}, "Start from ", this.names), button("Another", "another", "Another test outline", () => this.example((this.row + 1) % data.names.length)),
        button("Other noise", "noise", "Draw dropout anew: the network's only chance", () => { this.seed += 1; this.changed(); }), this.mapButton));
    host.append(this.root);
    this.ending = new AbortController();
    this.root.querySelector(".bar").append(presenter(this.root, this.ending.signal));
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
    this.drawn.tool = tool;
    for (const button of this.tools.children) button.setAttribute("aria-pressed", String(button.dataset.do === tool));
  }

  /** A test outline to begin with, or (-1) nothing. */
  async example(row) {
    this.row = row;
    this.names.value = row;
    this.root.dataset.row = row;
    this.drawn.empty();
    const answer = row < 0 ? null : await this.server.request("example", { row });
    if (this.row !== row || this.disposed) return;
    this.base = null;
    this.truthBox.hidden = !answer;
    if (answer) {
      this.base = el("canvas");
      paint(this.base, decode(answer.outline), SIDE);
      paint(this.truth, decode(answer.drawing), SIDE);
    }
    this.changed();
  }

  /** Draw the sheet, read it as 64 x 64 levels, ask. */
  changed() {
    this.drawn.paint("#fff", TOOLS, this.base);
    this.root.dataset.strokes = this.drawn.strokes.length;
    const wanted = { x: btoa(String.fromCharCode(...this.drawn.levels(SIDE, 0, 0, SIDE, SIDE))), seed: this.seed };
    follow(this, wanted, (question) => this.server.ask("colour", question), (answer) => this.show(answer));
  }

  show(answer) {
    paint(this.made, decode(answer.made), SIDE);
    this.seen = answer.map ? { levels: decode(answer.map), side: answer.side } : null;
    this.paintMap();
    this.say();
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
    const [stride, first, size] = this.data.field, { side, levels } = this.seen;
    const of = (at) => clamp(Math.round((at * SIDE - size / 2 - first) / stride), 0, side - 1);
    const [column, row] = share(event, this.made).map(of);
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

export const mount = mounting(Colouring);
