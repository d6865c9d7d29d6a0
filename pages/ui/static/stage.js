// The stage: what a picture holds, each kind in a pane of its own beside the others, as large as there is room.

import { Compare } from "./compare.js";
import { Episodes } from "./episodes.js";
import { Figure } from "./figure.js";
import { Images } from "./images.js";
import { save } from "./pane.js";
import { Roll } from "./roll.js";
import { PHONE, colourOf, decode, isDark } from "./values.js";
import { Volume } from "./volume.js";
import { World } from "./world.js";

export { colourOf, decode, isDark };

const KINDS = { images: Images, compare: Compare, volume: Volume, roll: Roll, world: World, episodes: Episodes };

export class Stage {
  /** `say(text, event)` shows a tip or, with null, none; `choose(pick)` asks the server about a place. */
  constructor(host, palette, { say, choose }) {
    Object.assign(this, { host, palette, say, choose });
    this.hidden = new Set(); // layers switched off
    this.views = new Map(); // kind -> what draws it
    this.figure = null;
  }

  setBase(base, scale) {
    this.base = base;
    this.dark = isDark(this.host);
    this.look = { colour: colourOf(this.palette, this.dark), scale, dark: this.dark };
    const kinds = Object.keys(KINDS).filter((kind) => base[kind]);
    const wanted = [...kinds, ...(base.traces?.length || base.cloud || !kinds.length ? ["figure"] : [])];
    if (wanted.join() !== [...this.views.keys()].join()) this.build(wanted);
    const given = kinds.reduce((sum, kind) => sum + (base[kind].share ?? 0), 0);
    for (const [kind, view] of this.views) {
      view.box.style.flexGrow = 100 * (kind === "figure" ? Math.max(0.2, 1 - given) : base[kind].share ?? 1); // below 1 in all, room is left
      view.setBase(kind === "figure" ? base : base[kind], kind === "figure" ? scale : this.look);
    }
    this.turn();
  }

  build(wanted) {
    this.dispose();
    this.figure = null;
    for (const kind of wanted) {
      const box = this.host.appendChild(document.createElement("div"));
      box.className = "pane";
      const view = kind === "figure" ? new Figure(box, this.palette, this.hidden) : new KINDS[kind](box, this);
      view.box = box;
      if (kind === "figure") this.figure = view;
      else {
        const { canvas } = view.pane;
        for (const what of ["down", "move", "up", "leave"]) canvas.addEventListener(`pointer${what}`, (event) => view.pointer?.(event, what));
      }
      this.views.set(kind, view);
    }
  }

  /** Beside each other where that is wide enough, else below; on a phone always below, and higher for it. */
  turn() {
    const { clientWidth: width, clientHeight: height } = this.host, phone = width < PHONE;
    const several = this.views.size > 1 && !(this.figure && width < (this.base?.spare ?? 0));
    this.host.classList.toggle("stacked", several && (phone || width < 1.1 * height));
    this.host.classList.toggle("tall", phone && (several || Boolean(this.base?.narrow)));
  }

  /** A sheet gets no more width than its height can use, or height than its width; what is over goes to the others. */
  fit() {
    // A figure that says what the numbers say too stands beside a sheet where there is room for both.
    if (this.figure && this.views.size > 1) this.figure.box.hidden = this.host.clientWidth < (this.base.spare ?? 0);
    const { clientWidth: width, clientHeight: height } = this.host, stacked = this.host.classList.contains("stacked");
    for (const view of this.views.values()) {
      const bound = this.views.size > 1 && !this.figure?.box.hidden && this.picture && view.useful;
      const most = bound ? view.useful(this.picture, stacked ? { width } : { height }) : Infinity;
      const pixels = most < Infinity ? `${Math.ceil(most)}px` : "";
      Object.assign(view.box.style, { maxWidth: stacked ? "" : pixels, maxHeight: stacked ? pixels : "" });
    }
  }

  async draw(picture) {
    this.picture = picture;
    this.fit();
    await Promise.all([...this.views.values()].map((view) => view.draw(picture)));
  }

  /** Everything anew at the size that there is now. */
  async resize() {
    this.turn();
    this.fit();
    for (const view of this.views.values()) {
      if (view === this.figure) await view.resize();
      else view.paint();
    }
  }

  /** The picture on a canvas, `ratio` dots to a CSS pixel, on the page's ground. */
  async image(ratio = 2) {
    const { clientWidth: width, clientHeight: height } = this.host;
    const sheet = Object.assign(document.createElement("canvas"), { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    const pen = sheet.getContext("2d"), home = this.host.getBoundingClientRect();
    pen.scale(ratio, ratio);
    pen.fillStyle = this.look.colour("@ground");
    pen.fillRect(0, 0, width, height);
    for (const view of this.views.values()) {
      const box = view.box.getBoundingClientRect();
      pen.save();
      pen.translate(box.left - home.left, box.top - home.top);
      if (view === this.figure) await view.save(pen, ratio);
      else await save(view, pen, ratio);
      pen.restore();
    }
    return sheet;
  }

  dispose() {
    for (const view of this.views.values()) {
      view.dispose?.();
      view.box.remove();
    }
    this.views.clear();
  }
}
