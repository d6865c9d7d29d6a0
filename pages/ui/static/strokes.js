// A sheet that is drawn on: by the pointer, or by the arrow keys with Shift held; strokes are taken back and put back.

import { button, clamp, el, listen, share } from "./hand.js";

export class Strokes {
  /** `size` and `step` in pixels of the canvas; `changed()` after every point, `ended()` when a stroke is whole. */
  constructor({ size, step, label, changed, ended = () => {} }) {
    Object.assign(this, { size, step, changed, ended, tool: "pen", at: [size / 2, size / 2] });
    this.empty();
    this.canvas = el("canvas", { width: size, height: size });
    this.mark = el("div", { class: "pen" });
    this.sheet = el("div", { class: "sheet", tabindex: "0", role: "application", "aria-label": `${label}. Draw with the pointer; or move with the arrow keys and hold Shift to draw. Backspace takes back a stroke.` }, this.canvas, this.mark);
    this.buttons = [button("Undo", "undo", "Take back a stroke (Backspace)", () => this.undo()), button("Redo", "redo", "Put back a stroke", () => this.redo())];
    const place = (event) => share(event, this.canvas).map((value) => value * size);
    listen(this.sheet, { down: (event) => this.begin(place(event)), move: (event) => this.drawing && this.go(place(event)), up: () => this.finish() });
    this.sheet.addEventListener("keydown", (event) => this.key(event));
    this.sheet.addEventListener("keyup", (event) => event.key === "Shift" && this.finish());
  }

  empty() { [this.strokes, this.redoable] = [[], []]; } // of {tool, points}

  begin(point) {
    this.drawing = true;
    this.redoable = [];
    this.strokes.push({ tool: this.tool, points: [point] });
    this.changed();
  }

  go(point) { this.strokes.at(-1).points.push(point); this.changed(); }

  finish() {
    if (!this.drawing) return;
    this.drawing = false;
    this.ended();
  }

  key(event) {
    const { step } = this, by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    if (event.key === "Backspace") this.undo();
    else if (!by) return;
    else {
      if (event.shiftKey && !this.drawing) this.begin([...this.at]);
      this.at = this.at.map((value, i) => clamp(value + by[i], 0, this.size));
      if (event.shiftKey) this.go([...this.at]);
      this.placePen();
    }
    event.preventDefault();
    event.stopPropagation();
  }

  placePen() { [this.mark.style.left, this.mark.style.top] = this.at.map((value) => `${(100 * value) / this.size}%`); }

  undo() { if (this.strokes.length) { this.redoable.push(this.strokes.pop()); this.changed(); this.ended(); } }

  redo() { if (this.redoable.length) { this.strokes.push(this.redoable.pop()); this.changed(); this.ended(); } }

  /** All strokes over `ground` and, perhaps, an image; `tools` has of each its colour and its width. The pen that drew them. */
  paint(ground, tools, image) {
    const pen = this.canvas.getContext("2d", { willReadFrequently: true });
    pen.fillStyle = ground;
    pen.fillRect(0, 0, this.size, this.size);
    pen.imageSmoothingEnabled = false;
    if (image) pen.drawImage(image, 0, 0, this.size, this.size);
    Object.assign(pen, { lineCap: "round", lineJoin: "round" });
    for (const { tool, points } of this.strokes) {
      [pen.strokeStyle, pen.lineWidth] = tools[tool];
      pen.beginPath();
      points.forEach((point, i) => pen[i ? "lineTo" : "moveTo"](...point));
      if (points.length === 1) pen.lineTo(points[0][0] + 0.1, points[0][1]);
      pen.stroke();
    }
    this.placePen();
    return pen;
  }

  /** What is drawn, as side x side levels; `at` as drawImage takes it. */
  levels(side, ...at) {
    const small = Object.assign(document.createElement("canvas"), { width: side, height: side }).getContext("2d", { willReadFrequently: true });
    small.imageSmoothingQuality = "high";
    small.drawImage(this.canvas, ...at);
    const { data } = small.getImageData(0, 0, side, side);
    return Uint8Array.from({ length: side * side }, (_, i) => data[4 * i]);
  }
}
