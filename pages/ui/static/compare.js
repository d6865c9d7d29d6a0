// Two images under one edge that the hand or the arrow keys move: left of it the first, right of it the second.

import { bitmap } from "./images.js";
import { Pane } from "./pane.js";

export class Compare {
  constructor(host, stage) {
    this.stage = stage;
    this.pane = new Pane(host, "compare");
    this.edge = 0.5;
    const { canvas } = this.pane;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "slider");
    canvas.setAttribute("aria-valuemin", 0);
    canvas.setAttribute("aria-valuemax", 100);
    canvas.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -0.02, ArrowRight: 0.02, PageDown: -0.2, PageUp: 0.2, Home: -1, End: 1 }[event.key];
      if (by === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      this.move(this.edge + by);
    });
  }

  setBase(spec, look) {
    this.spec = spec;
    this.look = look;
    this.pane.canvas.setAttribute("aria-label", `Edge between ${spec.names.join(" and ")}`);
  }

  async draw(picture) {
    this.picture = picture;
    this.strip = picture.compare && await bitmap(picture.compare);
    this.paint();
  }

  move(edge) {
    this.edge = Math.max(0, Math.min(1, edge));
    this.paint();
  }

  paint(ratio) {
    const { pen, width, height, ratio: dots } = this.pane.begin(ratio);
    if (!this.strip) return;
    const [, high, wide] = this.picture.compare.shape, { scale } = this.look;
    const grow = Math.min(width / wide, height / high), w = wide * grow, h = high * grow;
    const left = (width - w) / 2, top = (height - h) / 2, cut = Math.round(wide * this.edge * grow * dots) / dots;
    this.span = [left, w];
    pen.imageSmoothingEnabled = Boolean(this.spec.smooth) || grow * dots < 1;
    pen.drawImage(this.strip, 0, 0, wide, high, left, top, w, h);
    pen.save();
    pen.beginPath();
    pen.rect(left + cut, top, w - cut, h);
    pen.clip();
    pen.drawImage(this.strip, 0, high, wide, high, left, top, w, h);
    pen.restore();
    for (const [style, line] of [["#000000", 5], ["#ffffff", 2.5]]) {
      Object.assign(pen, { strokeStyle: style, fillStyle: style, lineWidth: line });
      pen.beginPath();
      pen.moveTo(left + cut, top);
      pen.lineTo(left + cut, top + h);
      pen.stroke();
      pen.beginPath();
      pen.arc(left + cut, top + h / 2, line === 5 ? 11 : 9, 0, 2 * Math.PI);
      pen.fill();
    }
    pen.font = `600 ${13 * scale}px ${getComputedStyle(this.pane.host).fontFamily}`;
    pen.textBaseline = "top";
    this.spec.names.forEach((name, i) => {
      const room = pen.measureText(name).width + 14, share = i ? w - cut : cut;
      if (share < room) return; // the edge is over its name
      const x = i ? left + w - room : left;
      pen.fillStyle = "rgba(0,0,0,0.65)";
      pen.fillRect(x, top, room, 22 * scale);
      pen.fillStyle = "#ffffff";
      pen.fillText(name, x + 7, top + 4 * scale);
    });
    this.pane.canvas.setAttribute("aria-valuenow", Math.round(100 * this.edge));
    this.pane.canvas.dataset.edge = this.edge.toFixed(3);
  }

  pointer(event, what) {
    if (what === "down") {
      this.held = true;
      this.pane.canvas.setPointerCapture(event.pointerId);
    }
    if (this.held && this.span && what !== "leave") this.move((this.pane.spot(event)[0] - this.span[0]) / this.span[1]);
    if (what === "up") this.held = false;
  }
}
