// A drawing board: strokes on a black sheet become one 28 x 28 image, prepared as MNIST's were.
// When a stroke ends, the component's state `image` becomes 784 bytes in base64 ("" when the sheet is empty).

import { button, el, mounting, paint } from "./hand.js";
import { Strokes } from "./strokes.js";

const SIZE = 224, SIDE = 28, BOX = 20;
const TOOLS = { pen: ["#fff", 17], eraser: ["#000", 1.8 * 17] };

class Board {
  constructor(host, { label }) {
    this.drawn = new Strokes({ size: SIZE, step: 8, label, changed: () => this.paint(), ended: () => this.say() });
    this.seen = el("canvas", { class: "seen", width: SIDE, height: SIDE, role: "img", "aria-label": "What the model sees" });
    this.blank = el("span", { role: "status" }, "Nothing is drawn yet.");
    this.eraser = button("Eraser", "eraser", "Take away instead of drawing", () => this.swap(), { "aria-pressed": "false" });
    this.root = el("div", { class: "lab", "data-strokes": 0 }, el("div", { class: "board" }, this.drawn.sheet,
      el("div", { class: "side" }, "What the model sees:", this.seen, this.blank,
        el("div", { class: "chips" }, this.eraser, ...this.drawn.buttons, button("Clear", "clear", "Start again", () => this.clear())),
        el("span", {}, "Draw large and in the middle. The image is fitted into 20 × 20 pixels and centred, as MNIST's are."))));
    host.append(this.root);
    this.paint();
  }

  swap() {
    this.drawn.tool = this.drawn.tool === "pen" ? "eraser" : "pen";
    this.eraser.setAttribute("aria-pressed", String(this.drawn.tool === "eraser"));
  }

  clear() { this.drawn.empty(); this.paint(); this.say(); }

  paint() {
    this.image = this.prepare(this.drawn.paint("#000", TOOLS));
    this.root.dataset.strokes = this.drawn.strokes.length;
    paint(this.seen, this.image, SIDE);
    this.blank.hidden = this.image.some((level) => level > 0);
  }

  /** The ink's box scaled to 20 x 20, then moved so that its centre of mass lies in the middle of 28 x 28. */
  prepare(pen) {
    const ink = pen.getImageData(0, 0, SIZE, SIZE).data;
    let [x0, y0, x1, y1] = [SIZE, SIZE, -1, -1];
    for (let y = 0; y < SIZE; y++) for (let x = 0; x < SIZE; x++) {
      if (ink[4 * (y * SIZE + x)] > 20) { x0 = Math.min(x0, x); x1 = Math.max(x1, x); y0 = Math.min(y0, y); y1 = Math.max(y1, y); }
    }
    if (x1 < 0) return new Uint8Array(SIDE * SIDE);
    const width = x1 - x0 + 1, height = y1 - y0 + 1, scale = BOX / Math.max(width, height);
    const draw = (left, top) => this.drawn.levels(SIDE, x0, y0, width, height, left, top, width * scale, height * scale);
    const left = (SIDE - width * scale) / 2, top = (SIDE - height * scale) / 2;
    const first = draw(left, top);
    let mass = 0, mx = 0, my = 0;
    first.forEach((level, i) => { mass += level; mx += level * ((i % SIDE) + 0.5); my += level * (Math.floor(i / SIDE) + 0.5); });
    return mass ? draw(left + Math.round(SIDE / 2 - mx / mass), top + Math.round(SIDE / 2 - my / mass)) : first;
  }

  say() {
    const empty = !this.image.some((level) => level > 0);
    this.setState("image", empty ? "" : btoa(String.fromCharCode(...this.image)));
  }
}

export const mount = mounting(Board);
