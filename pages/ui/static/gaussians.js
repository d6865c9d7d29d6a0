// Two Gaussians to drag. A disc on the top moves the mean, a square on the flank the width; the server computes the
// curves, both divergences and their estimates, at most one question at a time and always about the newest place.

import { Asking } from "./asking.js";
import { clamp, el, follow, mounting } from "./hand.js";
import { Pane } from "./pane.js";
import { colourOf, decode as unpack, isDark } from "./stage.js";
import { typeset } from "./values.js";

const REACH = 26, FONT = "13px sans-serif"; // pixels around a handle

class Gaussians {
  constructor(host) {
    this.server = new Asking(() => `${this.data.root}lab`);
    this.host = host;
    this.answers = 0;
  }

  update(data) {
    this.data = data;
    const { mq, sq, mp, sp, n, seed } = data;
    if (!this.root) this.build();
    if (!this.held) this.ask({ mq, sq, mp, sp, n, seed });
  }

  build() {
    const panel = (name) => {
      const host = el("div", { class: "integrand", role: "img" }), table = el("table");
      this[name] = { pane: new Pane(host, "drawn"), host, table };
      return el("div", {}, el("h4", {}, name === "qp" ? "KL(q || p): q(x) log(q(x) / p(x))" : "KL(p || q): p(x) log(p(x) / q(x))"), host, table);
    };
    this.curves = el("div", { class: "curves", role: "img" });
    this.pane = new Pane(this.curves, "drawn");
    this.notice = el("div", { class: "notice", role: "status", hidden: "" });
    this.key = el("div", { class: "key" });
    this.root = el("div", { class: "lab", "data-answers": 0 }, el("div", { class: "gaussians" }, this.curves, this.key, this.notice, el("div", { class: "both" }, panel("qp"), panel("pq"))));
    this.host.append(this.root);
    this.curves.addEventListener("pointerdown", (event) => this.grab(event));
    this.curves.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) this.curves.addEventListener(end, () => this.drop());
    this.resizer = new ResizeObserver(() => this.draw());
    this.resizer.observe(this.curves);
  }

  ask(question) {
    this.now = question;
    this.draw();
    follow(this, question, (asked) => this.server.request("kl", asked), (answer) => {
      this.x = unpack(answer.x); this.q = unpack(answer.q); this.p = unpack(answer.p);
      for (const name of ["qp", "pq"]) this[name].found = { ...answer[name], curve: unpack(answer[name].integrand) };
      this.draw();
    });
  }

  // -- the hand ---------------------------------------------------------------------------------------------

  /** Where the four handles are: [what they change, x, y] in pixels. */
  handles() {
    const { now, to } = this;
    const peak = (s) => 1 / (s * Math.sqrt(2 * Math.PI));
    return [["q", "m"], ["q", "s"], ["p", "m"], ["p", "s"]].map(([who, what]) => {
      const m = now[`m${who}`], s = now[`s${who}`];
      const [x, y] = what === "m" ? [m, peak(s)] : [m + (who === "q" ? s : -s), peak(s) * Math.exp(-0.5)];
      return [who, what, to.x(x), to.y(y)];
    });
  }

  nearest(px, py) {
    let best = null, least = REACH ** 2;
    for (const handle of this.handles()) {
      const distance = (handle[2] - px) ** 2 + (handle[3] - py) ** 2;
      if (distance < least) { least = distance; best = handle; }
    }
    return best;
  }

  grab(event) {
    this.held = this.nearest(...this.pane.spot(event));
    if (this.held) this.curves.setPointerCapture(event.pointerId);
  }

  move(event) {
    const [px, py] = this.pane.spot(event);
    if (!this.held) { this.curves.style.cursor = this.nearest(px, py) ? "grab" : "default"; return; }
    const [who, what] = this.held, { limits } = this.data, x = this.to.back(px);
    const wide = Math.abs(x - this.now[`m${who}`]);
    const value = what === "m" ? clamp(x, ...limits.m) : clamp(wide, ...limits.s);
    this.ask({ ...this.now, [what + who]: Math.round(20 * value) / 20 }); // the sliders' own step
  }

  drop() {
    if (!this.held) return;
    this.held = null;
    const { mq, sq, mp, sp } = this.now;
    this.trigger("moved", { mq, sq, mp, sp, nonce: Date.now() });
  }

  // -- drawing ------------------------------------------------------------------------------------------------

  draw() {
    if (!this.root || !this.now || !this.curves.clientWidth) return;
    const colour = colourOf(this.data.palette, isDark(this.curves));
    const { pen, width, height } = this.pane.begin();
    pen.font = FONT;
    const [low, high] = this.data.limits.x;
    const top = 1.15 / (Math.min(this.now.sq, this.now.sp) * Math.sqrt(2 * Math.PI));
    const floor = height - 24;
    this.to = {
      x: (x) => ((x - low) / (high - low)) * width, back: (px) => low + (px / width) * (high - low),
      y: (y) => floor - (y / top) * (floor - 8),
    };
    this.axis(pen, width, floor, colour);
    for (const [who, role, dash] of [["p", "@prior", [9, 5]], ["q", "@posterior", []]]) {
      if (!this[who]) continue;
      pen.beginPath();
      this.x.forEach((x, i) => pen[i ? "lineTo" : "moveTo"](this.to.x(x), this.to.y(this[who][i])));
      pen.strokeStyle = colour(role); pen.lineWidth = 3; pen.setLineDash(dash);
      pen.stroke();
      pen.setLineDash([]);
    }
    for (const [who, what, x, y] of this.handles()) {
      pen.fillStyle = colour(who === "q" ? "@posterior" : "@prior");
      pen.strokeStyle = colour("@ground"); pen.lineWidth = 2;
      pen.beginPath();
      if (what === "m") pen.arc(x, y, 10, 0, 2 * Math.PI);
      else pen.rect(x - 8, y - 8, 16, 16);
      pen.fill(); pen.stroke();
      if (what === "m") { pen.fillStyle = colour("@ground"); pen.textAlign = "center"; pen.textBaseline = "middle"; pen.fillText(who, x, y - 1); }
    }
    const { mq, sq, mp, sp } = this.now;
    const account = typeset(`q = N(${mq.toFixed(2)}, ${sq.toFixed(2)}²), solid; p = N(${mp.toFixed(2)}, ${sp.toFixed(2)}²), dashed.`);
    this.key.textContent = `${account} Drag a disc to move a mean, a square to change a width.`;
    this.curves.setAttribute("aria-label", account);
    for (const name of ["qp", "pq"]) this.panel(name, colour);
  }

  axis(pen, width, floor, colour) {
    const [low, high] = this.data.limits.x;
    pen.strokeStyle = colour("@grid"); pen.lineWidth = 1; pen.fillStyle = colour("@text");
    pen.textAlign = "center"; pen.textBaseline = "top";
    pen.beginPath(); pen.moveTo(0, floor); pen.lineTo(width, floor); pen.stroke();
    for (let x = Math.ceil(low) + 1; x < high; x += 2) pen.fillText(typeset(x), ((x - low) / (high - low)) * width, floor + 5);
  }

  panel(name, colour) {
    const { pane, host, table, found } = this[name];
    if (!found) return;
    const { pen, width, height } = pane.begin();
    pen.font = FONT;
    const [low, high] = this.data.limits.x;
    const most = Math.max(0.05, ...found.curve), least = Math.min(0, ...found.curve);
    const at = (x) => ((x - low) / (high - low)) * width;
    const up = (y) => 8 + ((most - y) / (most - least)) * (height - 34);
    this.axis(pen, width, up(0), colour);
    // What lies above zero counts for the divergence, what lies below against it: filled and hatched.
    for (const [sign, role] of [[1, "@second/45"], [-1, "@first/45"]]) {
      pen.beginPath();
      pen.moveTo(at(this.x[0]), up(0));
      this.x.forEach((x, i) => pen.lineTo(at(x), up(sign > 0 ? Math.max(0, found.curve[i]) : Math.min(0, found.curve[i]))));
      pen.lineTo(at(this.x.at(-1)), up(0));
      pen.fillStyle = colour(role);
      pen.fill();
      if (sign < 0) {
        pen.save(); pen.clip();
        pen.strokeStyle = colour("@first"); pen.lineWidth = 1;
        for (let x = -height; x < width; x += 8) { pen.beginPath(); pen.moveTo(x, height); pen.lineTo(x + height, 0); pen.stroke(); }
        pen.restore();
      }
    }
    pen.beginPath();
    this.x.forEach((x, i) => pen[i ? "lineTo" : "moveTo"](at(x), up(found.curve[i])));
    pen.strokeStyle = colour("@text"); pen.lineWidth = 2;
    pen.stroke();
    const row = (label, value, note) => el("tr", {}, el("td", {}, label), el("td", {}, value), el("td", {}, note));
    table.replaceChildren(
      row("closed form", found.closed.toFixed(4), "nats"),
      row("numerical integral", found.integral.toFixed(4), "the shaded area"),
      row("Monte Carlo", found.estimate.toFixed(4), `± ${found.standard_error.toFixed(4)}, ${this.now.n.toLocaleString("en")} draws`));
    table.dataset.closed = found.closed;
    host.setAttribute("aria-label", `The integrand of ${name === "qp" ? "KL(q || p)" : "KL(p || q)"}, which is ${found.closed.toFixed(3)} nats`);
  }

  dispose() {
    this.disposed = true;
    this.resizer?.disconnect();
    this.root?.remove();
  }
}

export const mount = mounting(Gaussians);
