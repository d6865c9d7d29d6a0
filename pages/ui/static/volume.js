// Voxels that turn under the hand: drag, or the arrow keys. Painted on a canvas, without WebGL, which a
// machine without a graphics card draws slowly or not at all.
//
// Seen in parallel rays, a grid's cells hide each other in the order of the grid, so walking it from far to near
// needs no sorting; only faces between a filled cell and an empty one, on the three sides that look here, are painted.

import { greys } from "./images.js";
import { Pane } from "./pane.js";
import { rgb } from "./values.js";

export class Volume {
  constructor(host, stage) {
    this.stage = stage;
    this.pane = new Pane(host, "volume");
    this.turn = -0.6; // about the vertical, radians
    this.tilt = 0.45; // above the horizon
    const { canvas } = this.pane;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", "Volume: drag it, or turn it with the arrow keys");
    canvas.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: [-0.12, 0], ArrowRight: [0.12, 0], ArrowUp: [0, 0.12], ArrowDown: [0, -0.12] }[event.key];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation();
      this.rotate(...by);
    });
  }

  setBase(spec, look) {
    if (spec !== this.spec) this.rooms = null;
    this.spec = spec;
    this.look = look;
  }

  async draw(picture) {
    if (!picture.volume) return;
    if (picture.volume !== this.packed) {
      this.packed = picture.volume;
      this.cells = await greys(picture.volume);
      const shape = picture.volume.of; // (N, D, H, W): volumes side by side, H upwards
      [this.n, ...this.shape] = shape.length === 3 ? [1, ...shape] : shape;
      this.seen = false;
    }
    if (!this.seen || !this.rooms) this.widen();
    this.paint();
  }

  /** The room of each volume: around all its cells that were filled in any picture so far, so that what grows or shrinks
   * keeps its scale. Seen by layer, how far they reach from its middle is what it needs when it is turned once round. */
  widen() {
    const [D, H, W] = this.shape, threshold = this.spec.threshold ?? 128;
    if (this.rooms?.length !== this.n) this.rooms = Array.from({ length: this.n }, () => ({ low: [D, H, W], high: [0, 0, 0], full: new Uint8Array(D * H * W) }));
    this.rooms.forEach((room, which) => {
      const { low, high, full } = room;
      for (let i = 0; i < D * H * W; i++) {
        if (this.cells[which * D * H * W + i] < threshold || full[i]) continue;
        full[i] = 1;
        [Math.floor(i / (H * W)), Math.floor(i / W) % H, i % W].forEach((v, axis) => {
          low[axis] = Math.min(low[axis], v);
          high[axis] = Math.max(high[axis], v + 1);
        });
      }
      const [mD, , mW] = room.middle = low.map((v, axis) => (v + high[axis]) / 2);
      room.reach = new Float32Array(H);
      full.forEach((filled, i) => {
        const h = Math.floor(i / W) % H, corner = [Math.floor(i / (H * W)) + 0.5 - mD, (i % W) + 0.5 - mW].map((v) => Math.abs(v) + 0.5);
        if (filled) room.reach[h] = Math.max(room.reach[h], Math.hypot(...corner));
      });
    });
    this.seen = true;
  }

  /** How far a volume reaches at this tilt, whichever way it is turned: to the side, up and down from its middle, in cells. */
  extent({ middle, reach }) {
    const [cp, sp] = [Math.cos(this.tilt), Math.abs(Math.sin(this.tilt))], found = { side: 0, up: 0, down: 0 };
    reach.forEach((r, h) => {
      if (!r) return;
      found.side = Math.max(found.side, r);
      found.up = Math.max(found.up, (h + 1 - middle[1]) * cp + r * sp);
      found.down = Math.max(found.down, (middle[1] - h) * cp + r * sp);
    });
    return found;
  }

  rotate(turn, tilt) {
    this.turn += turn;
    this.tilt = Math.max(-1.5, Math.min(1.5, this.tilt + tilt));
    this.paint();
  }

  paint(ratio) {
    const { pen, width, height } = this.pane.begin(ratio);
    if (!this.cells || !this.rooms) return; // of another solid before its first picture
    const { names = [] } = this.spec, { scale, colour } = this.look, type = 13 * scale, head = names.length ? type + 8 : 0;
    let across = 1; // volumes side by side, or below each other where the pane is high
    const gap = 6, size = (c) => Math.min(width / c, (height / Math.ceil(this.n / c)) - head);
    for (let c = 2; c <= this.n; c++) if (size(c) > size(across)) across = c;
    const w = (width + gap) / across - gap, h = (height + gap) / Math.ceil(this.n / across) - gap;
    const unit = Math.min(...this.rooms.filter(({ high }) => high[0]).map((room) => { // one scale for all
      const { side, up, down } = this.extent(room);
      return 0.96 * Math.min(w / (2 * side), (h - head) / (up + down));
    }));
    for (let i = 0; i < this.n; i++) {
      const x = (i % across) * (w + gap), y = Math.floor(i / across) * (h + gap);
      for (const ground of ["@ground", "@grid/30"]) { // its room, with air around what turns in it
        pen.fillStyle = colour(ground);
        pen.beginPath();
        pen.roundRect(x, y, w, h, 6 * scale);
        pen.fill();
      }
      if (this.rooms[i].high[0]) this.paintOne(pen, i, x + w / 2, y + head + (h - head) / 2, unit);
      Object.assign(pen, { font: `${type}px ${getComputedStyle(this.pane.host).fontFamily}`, fillStyle: colour("@text"), textAlign: "center", textBaseline: "top" });
      if (names[i]) pen.fillText(names[i], x + w / 2, y + 2);
    }
    Object.assign(this.pane.canvas.dataset, { turn: this.turn.toFixed(3), tilt: this.tilt.toFixed(3) });
  }

  paintOne(pen, which, cx, cy, unit) {
    const [D, H, W] = this.shape, cells = this.cells, base = which * D * H * W;
    const threshold = this.spec.threshold ?? 128;
    const full = (d, h, w) => d >= 0 && h >= 0 && w >= 0 && d < D && h < H && w < W && cells[base + (d * H + h) * W + w] >= threshold;
    const { middle: [mD, mH, mW] } = this.rooms[which], { up, down } = this.extent(this.rooms[which]);
    const [ct, st, cp, sp] = [Math.cos(this.turn), Math.sin(this.turn), Math.cos(this.tilt), Math.sin(this.tilt)];
    cy += ((up - down) / 2) * unit;
    // Axes on the screen (x right, y down) and towards the eye (z), for a step along W, H (up) and D.
    const eW = [ct * unit, st * sp * unit, st * cp], eH = [0, -cp * unit, sp], eD = [-st * unit, ct * sp * unit, ct * cp];
    const at = (d, h, w) => [cx + (w - mW) * eW[0] + (h - mH) * eH[0] + (d - mD) * eD[0], cy + (w - mW) * eW[1] + (h - mH) * eH[1] + (d - mD) * eD[1]];
    const order = (n, towards) => Array.from({ length: n }, (_, i) => (towards > 0 ? i : n - 1 - i));
    const [r, g, b] = rgb(this.look.colour(this.spec.colour ?? "@first"));
    const shade = (light) => `rgb(${[r, g, b].map((v) => Math.round(light > 1 ? v + (255 - v) * (light - 1) : v * light))})`;
    const sides = [
      { step: [0, 0, Math.sign(eW[2]) || 1], a: [1, 0, 0], b: [0, 1, 0], light: 0.72 },
      { step: [0, Math.sign(eH[2]) || 1, 0], a: [1, 0, 0], b: [0, 0, 1], light: 1.25 },
      { step: [Math.sign(eD[2]) || 1, 0, 0], a: [0, 1, 0], b: [0, 0, 1], light: 0.95 },
    ];
    const fills = sides.map(({ light }) => shade(light));
    const vector = ([d, h, w]) => [d * eD[0] + h * eH[0] + w * eW[0], d * eD[1] + h * eH[1] + w * eW[1]];
    const spans = sides.map(({ a, b }) => [vector(a), vector(b)]);
    pen.lineWidth = 0.6;
    for (const d of order(D, eD[2])) for (const h of order(H, eH[2])) for (const w of order(W, eW[2])) {
      if (!full(d, h, w)) continue;
      sides.forEach(({ step: [dd, dh, dw] }, i) => {
        if (full(d + dd, h + dh, w + dw)) return;
        const [x, y] = at(d + Math.max(0, dd), h + Math.max(0, dh), w + Math.max(0, dw)), [[ax, ay], [bx, by]] = spans[i];
        pen.fillStyle = pen.strokeStyle = fills[i]; // a line of the same colour closes the hair between faces
        pen.beginPath();
        pen.moveTo(x, y);
        pen.lineTo(x + ax, y + ay);
        pen.lineTo(x + ax + bx, y + ay + by);
        pen.lineTo(x + bx, y + by);
        pen.closePath();
        pen.fill();
        pen.stroke();
      });
    }
  }

  pointer(event, what) {
    const [x, y] = this.pane.spot(event);
    if (what === "down") {
      this.held = [x, y];
      this.pane.canvas.setPointerCapture(event.pointerId);
    } else if (what === "move" && this.held) {
      this.rotate((x - this.held[0]) / 120, (y - this.held[1]) / 120);
      this.held = [x, y];
    } else if (what !== "move") this.held = null;
  }
}
