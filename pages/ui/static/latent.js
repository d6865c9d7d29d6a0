// The latent plane: drag a point and the decoded image follows.
//
// A drag asks the server for one image at a time, the newest position first: what was passed on the way is
// left out, so the image never lags behind the hand by more than one answer. The root element carries
// data-decoded (count of images shown), data-z, data-tool and data-picked, which tests read.

import { Asking } from "./asking.js";
import { clamp, complain, el, mounting, paint } from "./hand.js";
import { presenter } from "./presenter.js";
import { colourOf, decode as unpack, isDark } from "./stage.js";
import { typeset } from "./values.js";

const SIDE = 28;
const STEP = 0.1; // of the prior's standard deviation, by an arrow key
const MANIFOLD = 15; // images along each side of the plane
const PATH = 10; // images from one digit to another
const SLIDERS = 12;
const TOOLS = [
  ["explore", "Explore", "Drag anywhere: the image of that code follows"],
  ["pick", "Pick an image", "Click on a mark: where the encoder puts this image, and how sure it is"],
  ["path", "Path between two", "Click on two marks: a walk from one code to the other"],
];

const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

class Latent {
  constructor(host) {
    this.server = new Asking(() => `${this.data.root}lab/vae/${this.data.source}`);
    this.host = host;
    this.decoded = 0;
    this.tool = "explore";
    this.range = 3.6;
    this.ends = []; // rows picked for a path
    this.seed = 0;
    this.show = { codes: true, manifold: false };
  }

  update(data) {
    const fresh = !this.data || data.source !== this.data.source || data.codes !== this.data.codes;
    const drawn = data.drawn && data.drawn !== this.data?.drawn;
    this.data = data;
    if (!this.root) this.build();
    if (fresh) this.restart();
    else this.draw();
    if (drawn) this.encode({ image: data.drawn }, "your drawing");
  }

  build() {
    this.canvas = el("canvas");
    this.plane = el("div", { class: "plane", tabindex: "0", role: "application", "aria-roledescription": "latent plane" }, this.canvas);
    this.big = el("canvas", { class: "big", role: "img", "aria-label": "Decoded image" });
    this.under = el("div", { class: "under", "aria-live": "polite" });
    this.terms = el("div");
    this.sliders = el("div", { class: "sliders" });
    this.strips = el("div", { class: "strips" });
    this.legend = el("div", { class: "legend", "aria-label": "Classes" });
    this.notice = el("div", { class: "notice", role: "status", hidden: true });
    const chip = (label, title, action, extra = {}) => el("button", { type: "button", title, onclick: action, ...extra }, label);
    this.toolBox = el("div", { class: "chips", role: "group", "aria-label": "What a click does" },
      ...TOOLS.map(([id, label, title]) => chip(label, title, () => this.use(id), { "data-tool": id })));
    this.layerBox = el("div", { class: "chips", role: "group", "aria-label": "Layers" },
      chip("Test images", "Show the codes of test images", () => this.layer("codes"), { "data-layer": "codes" }),
      chip("Decoded plane", "Show the decoded image of every place on the plane", () => this.layer("manifold"), { "data-layer": "manifold" }));
    this.actions = el("div", { class: "bar extras actions" },
      chip("Draw from the prior", "Codes drawn from N(0, I), decoded", () => this.fromPrior(), { "data-do": "prior" }),
      chip("To the middle", "Back to z = 0 (Home)", () => this.moveTo(this.z.map(() => 0)), { "data-do": "home" }),
      chip("PNG", "Save the plane as a picture", () => this.save(), { "data-do": "png" }));
    this.hint = el("div", { class: "hint" });
    this.root = el("div", { class: "lab", "data-decoded": 0, "data-picked": "", "data-tool": this.tool },
      el("div", { class: "latent" },
        this.plane, el("div", { class: "look" }, this.big, this.under),
        el("div", { class: "tools" }, this.hint, el("div", { class: "bar extras" }, this.toolBox, this.layerBox), this.legend),
        el("div", { class: "side" }, this.notice, this.actions, this.terms, this.sliders), this.strips));
    this.host.append(this.root);
    this.plane.addEventListener("pointerdown", (event) => this.down(event));
    this.plane.addEventListener("pointermove", (event) => event.buttons && this.tool === "explore" && this.drag(event));
    this.plane.addEventListener("keydown", (event) => this.key(event));
    this.resizer = new ResizeObserver(() => this.draw());
    this.resizer.observe(this.plane);
    this.use(this.tool);
    this.ending = new AbortController();
    this.actions.append(presenter(this.root, this.ending.signal));
  }

  restart() {
    const { data } = this;
    const flat = new Float32Array(bytes(data.codes).buffer), d = data.latent_dim;
    this.codes = Array.from({ length: flat.length / d }, (_, i) => flat.subarray(i * d, (i + 1) * d));
    this.labels = bytes(data.labels);
    [this.across, this.up] = [data.order[0], data.order[1] ?? data.order[0]];
    // All but the outermost two in a hundred: a few far codes would shrink the rest.
    const reach = this.codes.map((z) => Math.max(Math.abs(z[this.across]), Math.abs(z[this.up]))).sort((a, b) => a - b);
    this.range = clamp(reach[Math.floor(0.98 * (reach.length - 1))] * 1.05, 2.4, 6);
    this.z = new Array(d).fill(0);
    this.given = null;
    this.ends = [];
    this.manifold = null;
    this.glyphs = data.glyphs ?? data.names.map((_, i) => String(i));
    this.legend.hidden = data.names.every((name, i) => name === this.glyphs[i]);
    this.legend.replaceChildren(...data.names.map((name, i) => {
      const mark = el("b", {}, this.glyphs[i]);
      mark.style.color = this.colours()(`@c${i % 10}`);
      return el("span", {}, mark, name === this.glyphs[i] ? "" : ` ${name}`);
    }));
    this.strips.replaceChildren();
    this.terms.replaceChildren();
    this.buildSliders();
    this.draw();
    if (this.show.manifold) this.fillManifold();
    this.moveTo(this.z);
  }

  // Only where the plane does not already hold every dimension.
  buildSliders() {
    const { order, nats, latent_dim: d } = this.data;
    this.sliders.replaceChildren();
    this.handles = [];
    if (d <= 2) return;
    for (const i of order.slice(0, SLIDERS)) {
      const out = el("span", {}, "0.0");
      const input = el("input", { type: "range", min: -3.5, max: 3.5, step: 0.05, value: 0, "aria-label": `Dimension ${i + 1}`, "data-dimension": i,
        oninput: () => { const z = [...this.z]; z[i] = Number(input.value); this.moveTo(z); } });
      this.handles.push({ i, input, out });
      this.sliders.append(el("span", { title: "Mean KL over the test images, in nats: how much this dimension is used" }, `z${i + 1} · ${nats[i].toFixed(2)} nats`), input, out);
    }
  }

  use(tool) {
    this.tool = tool;
    this.root.dataset.tool = tool;
    for (const button of this.toolBox.children) button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
    this.hint.textContent = `${TOOLS.find(([id]) => id === tool)[2]}.${tool === "explore" ? " Arrow keys move it by a tenth." : ""}`;
    this.ends = [];
    this.draw();
  }

  layer(id) {
    this.show[id] = !this.show[id];
    if (id === "manifold" && this.show.manifold && !this.manifold) this.fillManifold();
    this.draw();
  }

  // -- asking the server -----------------------------------------------------------------------------------

  async ask(what, question) {
    const answer = await this.server.request(what, question);
    complain(this.notice, answer.error);
    return answer.error ? null : answer;
  }

  /** One image: at once over the socket, or over a request, which says what is wrong. */
  async decodeOne(z) {
    const question = { z: [z] }, answer = await this.server.follow(question);
    return answer && !answer.error ? answer : this.ask("decode", question);
  }

  moveTo(z) {
    this.z = z.map((value) => clamp(value, -12, 12));
    this.root.dataset.z = this.z.map((value) => value.toFixed(3)).join(",");
    this.drawPoint();
    for (const { i, input, out } of this.handles) { input.value = this.z[i]; out.textContent = typeset(this.z[i].toFixed(1)); }
    this.follow();
  }

  async follow() {
    this.wanted = this.z;
    if (this.asking) return;
    this.asking = true;
    while (this.wanted) {
      const z = this.wanted;
      this.wanted = null;
      const answer = await this.decodeOne(z);
      if (this.disposed) return;
      if (!answer) break;
      paint(this.big, unpack(answer.images)[0], SIDE);
      this.decoded += 1;
      this.root.dataset.decoded = this.decoded;
      const [a, b] = [z[this.across], z[this.up]].map((value) => typeset(value.toFixed(2)));
      const near = this.nearestTo(z);
      this.under.textContent = `z = (${z.length > 2 ? `…, ${a}, ${b}, …` : `${a}, ${b}`}): the mean image p(x = 1 | z). Nearest test image: ${this.data.names[this.labels[near]]}.`;
      this.big.setAttribute("aria-label", `Decoded image at z = (${a}, ${b}); the nearest test image shows ${this.data.names[this.labels[near]]}`);
      this.plane.setAttribute("aria-label", `Latent plane, at (${a}, ${b}). Arrow keys move the point.`);
    }
    this.asking = false;
  }

  nearestTo(z) {
    let best = 0, least = Infinity;
    this.codes.forEach((code, i) => {
      let distance = 0;
      for (let d = 0; d < code.length; d++) distance += (code[d] - z[d]) ** 2;
      if (distance < least) { least = distance; best = i; }
    });
    return best;
  }

  async encode(question, words) {
    const answer = await this.ask("posterior", { name: this.data.data, seed: this.seed++, ...question });
    if (!answer || this.disposed) return null;
    const given = { ...answer, mean: unpack(answer.mean), log_var: unpack(answer.log_var), kl: unpack(answer.kl), z: unpack(answer.z),
      image: unpack(answer.image), seen: unpack(answer.seen), reconstruction: unpack(answer.reconstruction), means: unpack(answer.means), samples: unpack(answer.samples), words };
    this.given = given;
    this.root.dataset.picked = words;
    const kl = given.kl.reduce((a, b) => a + b, 0);
    const row = (name, value, note) => el("tr", {}, el("td", {}, name), el("td", {}, value), el("td", {}, note));
    const elbo = given.log_likelihood - kl;
    const adds = Math.abs(given.log_likelihood.toFixed(2) - kl.toFixed(2) - elbo.toFixed(2)) < 0.005;
    const unit = this.data.binary ? "" : " (grey levels: a cross-entropy, no likelihood)";
    this.terms.replaceChildren(el("table", { class: "terms" },
      row("reconstruction", typeset(given.log_likelihood.toFixed(2)), `E[log p(x|z)], nats${unit}`),
      row("KL(q(z|x) || p(z))", kl.toFixed(2), "nats"),
      row("ELBO", typeset(elbo.toFixed(2)), adds ? "their difference" : "their difference (rounded)")));
    this.strip("posterior", `What the encoder says of ${words}: the image, its reconstruction, and images of codes drawn from q(z|x)`, [
      [given.image, "image"], ...(this.data.binary ? [[given.seen, "black/white"]] : []), [given.reconstruction, "at the mean", given.mean],
      ...[...given.means].map((image, i) => [image, `draw ${i + 1}`, given.z[i]])]);
    this.strip("predictive", "Posterior predictive: every pixel drawn, not only its mean", [...given.samples].map((image, i) => [image, `draw ${i + 1}`]));
    this.draw();
    this.moveTo([...given.mean]);
    return given;
  }

  async fromPrior() {
    const answer = await this.ask("prior", { n: 12, seed: this.seed++ });
    if (!answer) return;
    const z = unpack(answer.z);
    this.prior = z;
    this.strip("prior", "Prior predictive: codes from N(0, I), their mean images", [...unpack(answer.means)].map((image, i) => [image, `z ${i + 1}`, z[i]]));
    this.strip("prior-samples", "The same codes, every pixel drawn", [...unpack(answer.samples)].map((image, i) => [image, `z ${i + 1}`, z[i]]));
    this.draw();
    this.moveTo([...z[0]]); // the large image is the first of them
  }

  async walk() {
    const [first, second] = this.ends;
    const a = await this.encode({ row: first, n: 1 }, `test image ${first}`);
    const b = a && await this.encode({ row: second, n: 1 }, `test image ${second}`);
    if (!b) return;
    const at = Array.from({ length: PATH }, (_, i) => i / (PATH - 1));
    const mixed = (p, q, t) => Array.from(p, (value, i) => (1 - t) * value + t * q[i]);
    const codes = at.map((t) => mixed(a.mean, b.mean, t));
    const answer = await this.ask("decode", { z: codes });
    if (!answer) return;
    this.way = codes;
    this.strips.replaceChildren();
    this.strip("path", "A straight path between the two codes, decoded", [...unpack(answer.images)].map((image, i) => [image, at[i].toFixed(2), codes[i]]));
    this.strip("blend", "The same steps between the pixels of the two images", at.map((t) => [mixed(a.image, b.image, t), t.toFixed(2)]));
    this.draw();
  }

  /** A row of small images under the plane; one with a code moves the point there when pressed. */
  strip(id, title, images) {
    const figures = images.map(([levels, caption, z]) => {
      const canvas = el("canvas");
      paint(canvas, levels, SIDE);
      const go = () => z && this.moveTo([...z]);
      return el("figure", z ? { class: "pressable", tabindex: "0", role: "button", title: "Move the point here", onclick: go, onkeydown: (event) => event.key === "Enter" && go() } : {}, canvas, caption);
    });
    const block = el("div", { "data-strip": id }, el("h4", {}, title), el("div", { class: "strip" }, ...figures));
    const old = this.strips.querySelector(`[data-strip="${id}"]`);
    if (old) old.replaceWith(block);
    else this.strips.append(block);
  }

  async fillManifold() {
    const at = Array.from({ length: MANIFOLD }, (_, i) => this.range * (2 * (i + 0.5) / MANIFOLD - 1));
    const z = at.flatMap((y) => at.map((x) => { const code = new Array(this.data.latent_dim).fill(0); code[this.across] = x; code[this.up] = y; return code; }));
    const source = this.data.source;
    const answer = await this.ask("decode", { z });
    if (!answer || source !== this.data.source || this.disposed) return;
    this.manifold = [...unpack(answer.images)].map((levels) => { const canvas = el("canvas"); paint(canvas, levels, SIDE); return canvas; });
    this.draw();
  }

  // -- the hand ----------------------------------------------------------------------------------------------

  place(event) {
    const box = this.plane.getBoundingClientRect();
    const { ox, oy, scale } = this.frame();
    return [(event.clientX - box.left - ox) / scale, (oy - (event.clientY - box.top)) / scale];
  }

  down(event) {
    this.plane.focus();
    if (this.tool === "explore") {
      this.plane.setPointerCapture(event.pointerId);
      this.drag(event);
      return;
    }
    const [x, y] = this.place(event);
    let best = 0, least = Infinity;
    this.codes.forEach((code, i) => {
      const distance = (code[this.across] - x) ** 2 + (code[this.up] - y) ** 2;
      if (distance < least) { least = distance; best = i; }
    });
    if (this.tool === "pick") { this.way = null; this.strips.replaceChildren(); this.encode({ row: best }, `test image ${best}`); return; }
    this.ends = [...this.ends, best].slice(-2);
    if (this.ends.length === 2) { this.walk(); this.ends = []; }
    else this.encode({ row: best }, `test image ${best}, the start`);
  }

  drag(event) {
    const [x, y] = this.place(event);
    const z = [...this.z];
    z[this.across] = clamp(x, -this.range, this.range);
    if (this.up !== this.across) z[this.up] = clamp(y, -this.range, this.range);
    this.moveTo(z);
  }

  key(event) {
    const by = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] }[event.key];
    if (event.key === "Home") this.moveTo(this.z.map(() => 0));
    else if (!by) return;
    else {
      const z = [...this.z], far = event.shiftKey ? 5 : 1;
      z[this.across] += far * by[0];
      if (this.up !== this.across) z[this.up] += far * by[1];
      this.moveTo(z);
    }
    event.preventDefault();
  }

  // -- drawing -------------------------------------------------------------------------------------------------

  colours() { return colourOf(this.data.palette, isDark(this.plane)); }

  frame() {
    const { clientWidth: width, clientHeight: height } = this.plane;
    return { width, height, ox: width / 2, oy: height / 2, scale: Math.min(width, height) / 2 / this.range };
  }

  /** Everything anew: what stays while the point moves goes to a sheet of its own, the point on top. */
  draw() {
    if (!this.root || !this.codes || !this.plane.clientWidth) return;
    const { width, height, ox, oy, scale } = this.frame(), colour = this.colours();
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    this.ink = { text: colour("@text"), ground: colour("@ground") };
    this.still = el("canvas", { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    this.canvas.width = this.still.width;
    this.canvas.height = this.still.height;
    const pen = this.still.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.fillStyle = colour("@ground");
    pen.fillRect(0, 0, width, height);
    const at = (z) => [ox + scale * z[this.across], oy - scale * (this.up === this.across ? 0 : z[this.up])];
    if (this.show.manifold && this.manifold) {
      const size = (2 * this.range / MANIFOLD) * scale;
      pen.imageSmoothingEnabled = false;
      this.manifold.forEach((image, i) => pen.drawImage(image, ox - this.range * scale + (i % MANIFOLD) * size, oy + this.range * scale - (Math.floor(i / MANIFOLD) + 1) * size, size, size));
    }
    // The prior: circles that hold 39 % and 86 % of its mass in two dimensions.
    pen.strokeStyle = colour("@prior");
    pen.lineWidth = 1.5;
    pen.setLineDash([5, 5]);
    for (const r of [1, 2]) { pen.beginPath(); pen.arc(ox, oy, r * scale, 0, 2 * Math.PI); pen.stroke(); }
    pen.setLineDash([]);
    Object.assign(pen, { font: "12px sans-serif", fillStyle: colour("@text"), textAlign: "left", textBaseline: "top" });
    pen.fillText("1σ", ox + scale * 0.71 + 3, oy - scale * 0.71 - 14);
    pen.fillText("2σ of the prior", ox + scale * 1.42 + 3, oy - scale * 1.42 - 14);
    for (let tick = Math.ceil(-this.range); tick <= this.range; tick++) {
      pen.textAlign = "center"; pen.textBaseline = "bottom";
      pen.fillText(typeset(tick), ox + tick * scale, height - 3);
      pen.textAlign = "left"; pen.textBaseline = "middle";
      if (this.up !== this.across) pen.fillText(typeset(tick), 4, oy - tick * scale);
    }
    if (this.show.codes) {
      Object.assign(pen, { font: "700 11px sans-serif", textAlign: "center", textBaseline: "middle" });
      pen.globalAlpha = this.show.manifold ? 1 : 0.8;
      this.codes.forEach((code, i) => {
        const [x, y] = at(code);
        pen.fillStyle = colour(`@c${this.labels[i] % 10}`);
        if (this.show.manifold) { pen.lineWidth = 3; pen.strokeStyle = colour("@ground"); pen.strokeText(this.glyphs[this.labels[i]], x, y); }
        pen.fillText(this.glyphs[this.labels[i]], x, y);
      });
      pen.globalAlpha = 1;
    }
    if (this.way) {
      pen.strokeStyle = colour("@text"); pen.lineWidth = 2.5;
      pen.beginPath();
      this.way.forEach((z, i) => pen[i ? "lineTo" : "moveTo"](...at(z)));
      pen.stroke();
      this.way.forEach((z) => this.dot(pen, at(z), 3.5, colour("@text")));
    }
    for (const z of this.prior ?? []) this.dot(pen, at(z), 4.5, colour("@prior"), colour("@ground"));
    if (this.given) {
      const { mean, log_var: logVar } = this.given, [x, y] = at(mean);
      pen.strokeStyle = colour("@posterior");
      for (const s of [1, 2]) {
        pen.lineWidth = 4 - s;
        pen.beginPath();
        pen.ellipse(x, y, s * scale * Math.exp(logVar[this.across] / 2), s * scale * Math.exp(logVar[this.up] / 2), 0, 0, 2 * Math.PI);
        pen.stroke();
      }
      for (const z of this.given.z) this.dot(pen, at(z), 3, colour("@posterior"));
    }
    for (const button of this.layerBox.children) button.setAttribute("aria-pressed", String(this.show[button.dataset.layer]));
    this.drawPoint();
  }

  drawPoint() {
    if (!this.still) return;
    const { width, ox, oy, scale } = this.frame();
    const pen = this.canvas.getContext("2d"), ratio = this.still.width / width;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.drawImage(this.still, 0, 0);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const x = ox + scale * this.z[this.across], y = oy - scale * (this.up === this.across ? 0 : this.z[this.up]);
    pen.strokeStyle = this.ink.ground; pen.lineWidth = 6;
    for (const pass of [0, 1]) {
      if (pass) { pen.strokeStyle = this.ink.text; pen.lineWidth = 2.5; }
      pen.beginPath();
      pen.arc(x, y, 9, 0, 2 * Math.PI);
      pen.moveTo(x - 17, y); pen.lineTo(x - 5, y); pen.moveTo(x + 5, y); pen.lineTo(x + 17, y);
      pen.moveTo(x, y - 17); pen.lineTo(x, y - 5); pen.moveTo(x, y + 5); pen.lineTo(x, y + 17);
      pen.stroke();
    }
  }

  dot(pen, [x, y], r, fill, ring) {
    pen.beginPath();
    pen.arc(x, y, r, 0, 2 * Math.PI);
    pen.fillStyle = fill;
    pen.fill();
    if (ring) { pen.strokeStyle = ring; pen.lineWidth = 1.5; pen.stroke(); }
  }

  save() {
    const link = el("a", { href: this.canvas.toDataURL("image/png"), download: "latent-plane.png" });
    document.body.append(link);
    link.click();
    link.remove();
  }

  dispose() {
    this.disposed = true;
    this.ending?.abort();
    this.server.close();
    this.resizer?.disconnect();
    this.root?.remove();
  }
}

export const mount = mounting(Latent);
