// A drawing board: strokes on a black sheet become one 28 x 28 image, prepared as MNIST's were.
// When a stroke ends, the component's state `image` becomes 784 bytes in base64 ("" when the sheet is empty).

const SIZE = 224, SIDE = 28, BOX = 20;
const PEN = 17, STEP = 8;
const boards = new WeakMap();

export function mount(component) {
  const host = component.parentElement;
  if (!boards.has(host)) boards.set(host, new Board(host, component.data));
  boards.get(host).setState = component.setStateValue;
  return () => boards.delete(host);
}

function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

class Board {
  constructor(host, { label }) {
    this.strokes = []; // each {erase, points}
    this.redoable = [];
    this.erase = false;
    this.at = [SIZE / 2, SIZE / 2];
    this.canvas = el("canvas", { width: SIZE, height: SIZE });
    this.pen = el("div", { class: "pen" });
    this.sheet = el("div", { class: "sheet", tabindex: "0", role: "application", "aria-label": `${label}. Draw with the pointer; or move with the arrow keys and hold Shift to draw. Backspace takes back a stroke.` }, this.canvas, this.pen);
    this.seen = el("canvas", { class: "seen", width: SIDE, height: SIDE, role: "img", "aria-label": "What the model sees" });
    this.blank = el("span", { role: "status" }, "Nothing is drawn yet.");
    const button = (text, name, title, action) => el("button", { type: "button", "data-do": name, title, onclick: action }, text);
    this.eraser = button("Eraser", "eraser", "Take away instead of drawing", () => { this.erase = !this.erase; this.eraser.setAttribute("aria-pressed", String(this.erase)); });
    this.eraser.setAttribute("aria-pressed", "false");
    this.root = el("div", { class: "lab", "data-strokes": 0 }, el("div", { class: "board" }, this.sheet,
      el("div", { class: "side" }, "What the model sees:", this.seen, this.blank,
        el("div", { class: "chips" }, this.eraser, button("Undo", "undo", "Take back a stroke (Backspace)", () => this.undo()),
          button("Redo", "redo", "Put back a stroke", () => this.redo()), button("Clear", "clear", "Start again", () => this.clear())),
        el("span", {}, "Draw large and in the middle. The image is fitted into 20 × 20 pixels and centred, as MNIST's are."))));
    host.append(this.root);
    this.sheet.addEventListener("pointerdown", (event) => { this.sheet.focus(); this.sheet.setPointerCapture(event.pointerId); this.begin(this.place(event)); });
    this.sheet.addEventListener("pointermove", (event) => this.drawing && this.go(this.place(event)));
    for (const end of ["pointerup", "pointercancel"]) this.sheet.addEventListener(end, () => this.finish());
    this.sheet.addEventListener("keydown", (event) => this.key(event));
    this.sheet.addEventListener("keyup", (event) => event.key === "Shift" && this.finish());
    this.paint();
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIZE, ((event.clientY - box.top) / box.height) * SIZE];
  }

  begin(point) {
    this.drawing = true;
    this.redoable = [];
    this.strokes.push({ erase: this.erase, points: [point] });
    this.paint();
  }

  go(point) {
    this.strokes.at(-1).points.push(point);
    this.paint();
  }

  finish() {
    if (!this.drawing) return;
    this.drawing = false;
    this.say();
  }

  key(event) {
    const by = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key];
    if (event.key === "Backspace") this.undo();
    else if (!by) return;
    else {
      if (event.shiftKey && !this.drawing) this.begin([...this.at]);
      this.at = this.at.map((value, i) => Math.min(SIZE, Math.max(0, value + by[i])));
      if (event.shiftKey) this.go([...this.at]);
      this.placePen();
    }
    event.preventDefault();
    event.stopPropagation();
  }

  placePen() {
    this.pen.style.left = `${this.at[0]}px`;
    this.pen.style.top = `${this.at[1]}px`;
  }

  undo() { if (this.strokes.length) { this.redoable.push(this.strokes.pop()); this.paint(); this.say(); } }

  redo() { if (this.redoable.length) { this.strokes.push(this.redoable.pop()); this.paint(); this.say(); } }

  clear() { this.strokes = []; this.redoable = []; this.paint(); this.say(); }

  paint() {
    const pen = this.canvas.getContext("2d", { willReadFrequently: true });
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, SIZE, SIZE);
    Object.assign(pen, { lineCap: "round", lineJoin: "round" });
    for (const { erase, points } of this.strokes) {
      pen.strokeStyle = erase ? "#000" : "#fff";
      pen.lineWidth = erase ? 1.8 * PEN : PEN;
      pen.beginPath();
      points.forEach((point, i) => pen[i ? "lineTo" : "moveTo"](...point));
      if (points.length === 1) pen.lineTo(points[0][0] + 0.1, points[0][1]);
      pen.stroke();
    }
    this.root.dataset.strokes = this.strokes.length;
    this.placePen();
    this.image = this.prepare(pen);
    const pixels = new ImageData(SIDE, SIDE);
    this.image.forEach((level, i) => pixels.data.set([level, level, level, 255], 4 * i));
    this.seen.getContext("2d").putImageData(pixels, 0, 0);
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
    const draw = (left, top) => {
      const small = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE }).getContext("2d", { willReadFrequently: true });
      small.imageSmoothingQuality = "high";
      small.drawImage(this.canvas, x0, y0, width, height, left, top, width * scale, height * scale);
      const data = small.getImageData(0, 0, SIDE, SIDE).data;
      return Uint8Array.from({ length: SIDE * SIDE }, (_, i) => data[4 * i]);
    };
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
