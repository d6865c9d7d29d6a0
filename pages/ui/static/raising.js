// Raising: an object in a scene under the hand, near or far, and what a network says of it without and with the
// generator: its classes as bars, its features as pictures.
//
// One question at a time goes over a socket, the newest first. The root element carries data-answers (count of answers
// shown), data-ms (from the move to the last answer), data-px, data-plain and data-raised (the likeliest classes) and
// data-asking (1 while an answer is under way), which tests read.

import { Asking } from "./asking.js";
import { button, clamp, el, follow, listen, mounting, paint, share } from "./hand.js";
import { presenter } from "./presenter.js";
import { colourOf, decode, isDark } from "./values.js";

const BARS = 7, SIZE = 576; // classes shown, pixels that the scene is drawn with
const choose = (label, names, action) => el("select", { "aria-label": label, onchange: action }, ...names.map((name, i) => el("option", { value: i }, name)));

class Raising {
  constructor(host, data) {
    this.server = new Asking(() => `${this.data.root}lab/perceptual/${this.data.variant}`);
    this.answers = 0;
    this.pictures = new Map();
    this.at = [data.side / 2, data.side / 2];
    this.build(host, data);
  }

  build(host, data) {
    const figure = (canvas, words) => el("figure", {}, el("div", { class: "frame" }, canvas), el("figcaption", {}, words));
    const picture = (label, width, height) => el("canvas", { width, height, role: "img", "aria-label": label });
    this.canvas = el("canvas", { width: SIZE, height: SIZE });
    this.sheet = el("div", { class: "frame scene", tabindex: "0", role: "application" }, this.canvas);
    this.crop = picture("What the network is given", 1, 1);
    this.bars = picture("Classes", 640, 560);
    this.maps = Object.fromEntries(["small", "raised", "large"].map((key) => [key, picture(`Features, ${key}`, 56, 32)]));
    this.captions = Object.fromEntries(["small", "raised", "large"].map((key) => [key, el("figcaption", {})]));
    this.figures = Object.fromEntries(Object.keys(this.maps).map((key) => [key, el("figure", {}, el("div", { class: "frame map" }, this.maps[key]), this.captions[key])]));
    this.words = el("div", { class: "words", role: "status" });
    this.notice = el("div", { class: "notice bad", role: "status", hidden: true });
    this.far = el("input", { type: "range", min: data.sizes[0], max: data.sizes[1], step: 1, "aria-label": "Pixels of the object's long side", oninput: () => this.resize(Number(this.far.value)) });
    this.pixels = el("output", {});
    this.sticker = choose("Sticker", data.stickers, () => { this.row = Number(this.sticker.value); this.changed(); });
    this.ground = choose("Photograph", data.grounds, () => { this.piece = Number(this.ground.value); this.changed(); });
    this.scene = choose("Scene", Array.from({ length: data.scenes }, (_, i) => `scene ${i}`), () => this.enter(Number(this.scene.value)));
    this.ofSticker = [el("label", { class: "far" }, "Pixels ", this.far, this.pixels), el("label", {}, "Sticker ", this.sticker), el("label", {}, "on ", this.ground),
      button("Another sticker", "another", "Another held-out sticker", () => { this.row = (this.row + 1) % this.data.stickers.length; this.changed(); })];
    this.ofScene = [el("label", {}, "Scene ", this.scene), button("Next object", "next", "The next object of the scene (right arrow)", () => this.pick(1))];
    this.root = el("div", { class: "lab", "data-answers": 0 },
      el("div", { class: "posing raising" },
        el("figure", { class: "whole" }, this.sheet, this.place = el("figcaption", {})),
        el("div", { class: "side" },
          el("div", { class: "top" }, figure(this.crop, "what the network is given"), el("figure", {}, el("div", { class: "frame bars" }, this.bars))),
          el("div", { class: "maps" }, ...Object.values(this.figures)))),
      this.words, this.notice, el("div", { class: "bar" }, ...this.ofSticker, ...this.ofScene));
    host.append(this.root);
    this.ending = new AbortController();
    this.root.querySelector(".bar").append(presenter(this.root, this.ending.signal));
    listen(this.sheet, { down: (event) => this.press(this.placeOf(event)), move: (event) => this.from && this.drag(this.placeOf(event)), up: () => this.release() });
    this.sheet.addEventListener("wheel", (event) => { if (this.data.mode === "sticker" && document.activeElement && this.sheet.matches(":focus")) { event.preventDefault(); this.resize(this.px + (event.deltaY > 0 ? -1 : 1)); } }, { passive: false });
    this.sheet.addEventListener("keydown", (event) => this.key(event));
    this.dusk = matchMedia("(prefers-color-scheme: dark)");
    this.repaint = () => setTimeout(() => this.seen && !this.disposed && this.paint(), 150); // once the page has its colours
    this.dusk.addEventListener("change", this.repaint);
  }

  update(data) {
    const before = this.data;
    this.data = data;
    if (before) this.repaint(); // Streamlit comes again when the theme is another
    const sticker = data.mode === "sticker";
    for (const one of this.ofSticker) one.hidden = !sticker;
    for (const one of this.ofScene) one.hidden = sticker;
    this.sheet.setAttribute("aria-label", sticker ? "Scene. Drag the sticker or move it with the arrow keys; plus and minus change its size." : "Scene. Click an object, or drag a box; the arrow keys go from object to object.");
    this.place.textContent = sticker ? "drag the sticker; + and − change its size" : "click an object or drag a box";
    const fresh = (key) => !before || before[key] !== data[key];
    if (sticker) {
      if (fresh("mode") || fresh("sticker")) this.row = data.sticker;
      if (fresh("mode") || fresh("ground")) this.piece = data.ground;
      if (fresh("mode") || fresh("px")) this.px = data.px;
      if (["mode", "sticker", "ground", "px", "variant"].some(fresh)) this.changed();
    } else if (fresh("mode") || fresh("scene")) this.enter(data.scene, data.object ?? 3);
    else if (fresh("variant")) this.changed();
  }

  placeOf(event) {
    const { side } = this.data;
    return share(event, this.canvas).map((value) => clamp(value * side, 0, side));
  }

  press(point) {
    this.from = point;
    this.dragged = false;
    if (this.data.mode === "sticker") { this.at = point; this.changed(); }
  }

  drag(point) {
    if (this.data.mode === "sticker") { this.at = point; this.changed(); return; }
    const [x, y] = this.from.map((v, i) => Math.min(v, point[i])), [width, height] = this.from.map((v, i) => Math.abs(v - point[i]));
    if (Math.max(width, height) < 4) return;
    this.drawn = { box: [x, y, Math.min(width, this.data.side - x), Math.min(height, this.data.side - y)], true: -1 };
    this.dragged = true;
    this.chosen = -1;
    this.changed();
  }

  release() {
    const { from } = this;
    this.from = null;
    if (!from || this.data.mode === "sticker" || !this.boxes || this.dragged) return;
    const near = this.boxes.map(([x, y, w, h]) => Math.hypot(x + w / 2 - from[0], y + h / 2 - from[1]));
    this.choose(near.indexOf(Math.min(...near)));
  }

  choose(i) { this.chosen = i; this.drawn = null; this.changed(); }

  pick(by) { this.choose((Math.max(0, this.chosen) + by + this.boxes.length) % this.boxes.length); }

  key(event) {
    const sticker = this.data.mode === "sticker";
    const by = { ArrowLeft: [-2, 0], ArrowRight: [2, 0], ArrowUp: [0, -2], ArrowDown: [0, 2] }[event.key];
    if (by && sticker) { this.at = this.at.map((v, i) => clamp(v + by[i], 0, this.data.side)); this.changed(); }
    else if (by) this.pick(by[0] + by[1] > 0 ? 1 : -1);
    else if (sticker && ["+", "=", "-"].includes(event.key)) this.resize(this.px + (event.key === "-" ? -1 : 1));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  resize(px) { this.px = clamp(px, ...this.data.sizes); this.changed(); }

  async enter(row, object = 3) {
    this.row = row;
    this.scene.value = row;
    const found = await this.server.request("picture", { kind: "scene", row });
    if (this.disposed || this.row !== row || found.error) return;
    const flat = decode(found.boxes);
    this.boxes = Array.from({ length: flat.length / 6 }, (_, i) => [...flat.subarray(6 * i, 6 * i + 6)]);
    this.choose(Math.min(object, this.boxes.length - 1));
  }

  changed() {
    const { mode, stickers } = this.data;
    let wanted;
    if (mode === "sticker") {
      const half = this.px / 2;
      this.at = this.at.map((v) => clamp(v, half, this.data.side - half));
      this.far.value = this.px;
      this.pixels.textContent = ` ${this.px}`;
      this.sticker.value = this.row;
      this.ground.value = this.piece;
      wanted = { sticker: this.row, ground: this.piece, x: this.at[0], y: this.at[1], px: this.px };
      this.sheet.dataset.name = stickers[this.row];
    } else {
      if (!this.boxes) return;
      const [x, y, w, h, label] = this.boxes[this.chosen] ?? [];
      wanted = { scene: this.row, ...(this.drawn ?? { box: [x, y, w, h], true: label }) };
    }
    this.draw();
    follow(this, wanted, (question) => this.server.ask("see", question), (answer) => this.show(answer));
  }

  show(answer) {
    this.seen = Object.fromEntries(Object.entries(answer).map(([key, value]) => [key, value?.bdata === undefined ? value : decode(value)]));
    this.paint();
    this.root.dataset.px = answer.px;
  }

  /** The scene, what was put into it, and the square that is cut out. */
  async draw() {
    const pen = this.canvas.getContext("2d"), { side, room, mode } = this.data, unit = SIZE / side;
    const sticker = mode === "sticker";
    const [under, over] = await Promise.all([this.image(sticker ? "ground" : "scene", sticker ? this.piece : this.row), sticker ? this.image("sticker", this.row) : null]);
    if (this.disposed || !under) return;
    pen.imageSmoothingQuality = "high";
    pen.drawImage(under, 0, 0, SIZE, SIZE);
    const square = (x, y, size, colour, width) => { pen.strokeStyle = colour; pen.lineWidth = width; pen.strokeRect(x * unit, y * unit, size[0] * unit, size[1] * unit); };
    let middle, long;
    if (sticker) {
      [middle, long] = [this.at, this.px];
      pen.drawImage(over, (this.at[0] - long / 2) * unit, (this.at[1] - long / 2) * unit, long * unit, long * unit);
    } else {
      for (const [x, y, w, h] of this.boxes) square(x, y, [w, h], "rgb(255 255 255 / 0.55)", 1.5);
      const [x, y, w, h] = this.drawn?.box ?? this.boxes[this.chosen];
      [middle, long] = [[x + w / 2, y + h / 2], Math.max(w, h)];
    }
    const size = Math.min(side, Math.max(4, Math.round(room * long))), [x, y] = middle.map((v) => clamp(v - size / 2, 0, side - size));
    square(x, y, [size, size], "#000", 5);
    square(x, y, [size, size], "#ffb000", 2.5);
  }

  async image(kind, row) {
    const key = `${kind} ${row}`;
    if (!this.pictures.has(key)) {
      this.pictures.set(key, this.server.request("picture", { kind, row }).then((found) => new Promise((done) => {
        if (!found.image) return done(null);
        const image = new Image();
        image.onload = () => done(image);
        image.src = found.image;
      })));
      if (this.pictures.size > 24) this.pictures.delete(this.pictures.keys().next().value);
    }
    return this.pictures.get(key);
  }

  /** The crop, the bars, the features. */
  paint() {
    const { seen, data } = this, colour = colourOf(data.palette, isDark(this.root));
    paint(this.crop, seen.crop, seen.side);
    this.paintBars(colour);
    for (const key of Object.keys(this.maps)) {
      const map = seen[`map_${key}`];
      this.figures[key].hidden = !map;
      if (map) this.paintMap(this.maps[key], map);
    }
    const large = seen.px >= data.limit;
    this.captions.small.textContent = large ? "its features" : "features of the small one";
    this.captions.raised.textContent = large ? "nothing is added" : "raised by the generator";
    this.captions.large.textContent = `the same at ${data.near} pixels`;
    this.words.textContent = seen.words;
    const best = (p) => data.classes[p.indexOf(Math.max(...p))];
    Object.assign(this.root.dataset, { plain: best(seen.plain), raised: best(seen.raised) });
  }

  paintBars(colour) {
    const { seen, data } = this, pen = this.bars.getContext("2d"), { width, height } = this.bars;
    const order = [...seen.plain.keys()].sort((a, b) => Math.max(seen.plain[b], seen.raised[b]) - Math.max(seen.plain[a], seen.raised[a]));
    let shown = order.slice(0, BARS);
    if (seen.true >= 0 && !shown.includes(seen.true)) shown = [...shown.slice(0, BARS - 1), seen.true];
    pen.fillStyle = colour("@ground");
    pen.fillRect(0, 0, width, height);
    pen.font = "25px system-ui, sans-serif";
    pen.textBaseline = "middle";
    const rows = [["plain", "plain network", "@first"], ["raised", "with the generator", "@second"]];
    let x = 8;
    for (const [, words, role] of rows) {
      pen.fillStyle = colour(role);
      pen.fillRect(x, 12, 24, 20);
      pen.fillStyle = colour("@text");
      pen.fillText(words, x + 32, 23);
      x += 62 + pen.measureText(words).width;
    }
    const left = 190, room = width - left - 76, step = (height - 48) / BARS;
    shown.forEach((k, i) => {
      const top = 46 + i * step;
      pen.fillStyle = colour("@text");
      pen.textAlign = "right";
      pen.font = `${k === seen.true ? "bold " : ""}25px system-ui, sans-serif`;
      pen.fillText(`${k === seen.true ? "✓ " : ""}${data.classes[k]}`, left - 12, top + step / 2 - 2);
      pen.textAlign = "left";
      pen.font = "21px system-ui, sans-serif";
      rows.forEach(([key, , role], j) => {
        const y = top + 4 + (j * (step - 10)) / 2, thick = (step - 14) / 2;
        pen.fillStyle = colour("@grid");
        pen.fillRect(left, y, room, thick);
        pen.fillStyle = colour(role);
        pen.fillRect(left, y, Math.max(2, room * seen[key][k]), thick);
        pen.fillStyle = colour("@text");
        pen.fillText(seen[key][k].toFixed(2), left + room + 10, y + thick / 2 + 1);
      });
    });
    this.bars.setAttribute("aria-label", "Probabilities. " + shown.map((k) => `${data.classes[k]}: plain ${seen.plain[k].toFixed(2)}, with the generator ${seen.raised[k].toFixed(2)}`).join("; "));
  }

  /** Blue below a channel's mean, orange above, white at it. */
  paintMap(canvas, levels) {
    const image = new ImageData(56, 32);
    levels.forEach((level, i) => {
      const z = clamp((level - 128) / 110, -1, 1), strong = Math.abs(z) ** 0.8, to = z < 0 ? [0, 88, 163] : [198, 74, 0];
      image.data.set([...to.map((v) => 255 + strong * (v - 255)), 255], 4 * i);
    });
    canvas.getContext("2d").putImageData(image, 0, 0);
  }

  dispose() { this.disposed = true; this.ending.abort(); this.dusk.removeEventListener("change", this.repaint); this.server.close(); }
}

export const mount = mounting(Raising);
