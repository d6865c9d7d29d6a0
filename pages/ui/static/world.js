// A small scene of lines, polygons and circles that moves: a cart and its pole, a pendulum, a figure that walks.
// `base.world` holds the extents and what never moves; `picture.world` the shapes of one moment, one list a view.

import { Pane } from "./pane.js";

export class World {
  constructor(host, stage) {
    this.stage = stage;
    this.pane = new Pane(host, "world");
  }

  setBase(spec, look) {
    this.spec = spec;
    this.look = look;
  }

  draw(picture) {
    this.views = picture.world;
    this.paint();
  }

  paint(ratio) {
    const { pen, width, height } = this.pane.begin(ratio);
    if (!this.views) return;
    const { x, y, still = [], names = [] } = this.spec, { scale, colour } = this.look;
    const type = 13 * scale, head = names.length ? type + 8 : 0, n = this.views.length, gap = 10 * scale;
    const [spanX, spanY] = [x[1] - x[0], y[1] - y[0]];
    const unitAt = (c) => Math.min((width - (c - 1) * gap) / c / spanX, (height / Math.ceil(n / c) - head - gap) / spanY);
    let across = 1;
    for (let c = 2; c <= n; c++) if (unitAt(c) > unitAt(across)) across = c;
    const unit = unitAt(across), w = (width - (across - 1) * gap) / across, h = height / Math.ceil(n / across);
    this.views.forEach((shapes, i) => {
      const left = (i % across) * (w + gap), top = Math.floor(i / across) * h + head;
      const ox = left + (w - spanX * unit) / 2, oy = top + (h - head - spanY * unit) / 2;
      const px = (at) => ox + (at - x[0]) * unit, py = (at) => oy + (y[1] - at) * unit;
      pen.save();
      pen.beginPath();
      pen.rect(px(x[0]), py(y[1]), spanX * unit, spanY * unit);
      pen.fillStyle = colour("@grid/35");
      pen.fill();
      pen.clip();
      for (const shape of [...still, ...shapes]) this.shape(pen, shape, px, py, unit);
      pen.restore();
      Object.assign(pen, { font: `${type}px ${getComputedStyle(this.pane.host).fontFamily}`, fillStyle: colour("@text"), textAlign: "center", textBaseline: "bottom" });
      if (names[i]) pen.fillText(names[i], left + w / 2, oy - 4);
    });
  }

  shape(pen, { line, polygon, circle, text, colour = "@text", width = 2, filled = true }, px, py, unit) {
    pen.strokeStyle = pen.fillStyle = this.look.colour(colour);
    Object.assign(pen, { lineWidth: width * this.look.scale, lineCap: "round", lineJoin: "round" });
    if (text) {
      Object.assign(pen, { font: `${13 * this.look.scale}px sans-serif`, textAlign: "center", textBaseline: "middle" });
      return pen.fillText(text[2], px(text[0]), py(text[1]));
    }
    pen.beginPath();
    if (circle) pen.arc(px(circle[0]), py(circle[1]), Math.max(1, circle[2] * unit), 0, 2 * Math.PI);
    else (line ?? polygon).forEach(([x, y], i) => pen[i ? "lineTo" : "moveTo"](px(x), py(y)));
    if (polygon) pen.closePath();
    if (line || !filled) pen.stroke();
    else pen.fill();
  }
}
