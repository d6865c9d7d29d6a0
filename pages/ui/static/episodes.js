// Episodes that play while a picture stands still: the expert's and the learner's from the same start, side by side.
// `base.episodes` names the environment and holds the expert's path, `picture.episodes` the learner's at one step.
// An episode is played to its end; the next is that of the picture which then stands.

import { ENVIRONMENTS } from "./environments.js";
import { Pane, eachFrame } from "./pane.js";
import { decode } from "./values.js";

const LONGEST = 10000; // ms of an episode where a newer one waits
const PAUSE = 900; // ms between the end of an episode and the next

/** Panels {title, colour, state, action} of an environment, as large as there is room. */
export function paintPanels(pen, width, height, env, panels, look, font) {
  const [x0, x1, y0, y1] = env.extent, gap = 12, type = 14 * look.scale, head = type + 10;
  const unitAt = (across) => {
    const down = Math.ceil(panels.length / across);
    return Math.min((width - (across - 1) * gap) / across / (x1 - x0), ((height - (down - 1) * gap) / down - head) / (y1 - y0));
  };
  let across = 1;
  for (let c = 2; c <= panels.length; c++) if (unitAt(c) > unitAt(across)) across = c;
  const unit = unitAt(across), down = Math.ceil(panels.length / across);
  const wide = (width - (across - 1) * gap) / across, high = (height - (down - 1) * gap) / down;
  panels.forEach((panel, i) => {
    const left = (i % across) * (wide + gap), top = Math.floor(i / across) * (high + gap);
    const ox = left + (wide - (x1 - x0) * unit) / 2, oy = top + head + (high - head - (y1 - y0) * unit) / 2;
    const px = (x) => ox + (x - x0) * unit, py = (y) => oy + (y1 - y) * unit;
    pen.save();
    // The world goes on to the panel's edges, however the room is shaped.
    for (const ground of ["@ground", "@grid/30"]) {
      pen.fillStyle = look.colour(ground);
      pen.beginPath();
      pen.roundRect(left, top, wide, high, 6 * look.scale);
      pen.fill();
    }
    pen.clip();
    Object.assign(pen, { fillStyle: look.colour("@text"), font: `${type}px ${font}`, textAlign: "center", textBaseline: "bottom" });
    pen.fillText(panel.title, left + wide / 2, top + head - 3, wide - 8);
    for (const { line, polygon, circle, text, colour, width: dots = 2, thick, filled = true } of env.shapes(panel.state, panel.action)) {
      pen.strokeStyle = pen.fillStyle = look.colour(colour === "@who" ? panel.colour : colour);
      if (text) {
        Object.assign(pen, { font: `${type}px ${font}`, textBaseline: "top" });
        pen.fillText(text[2].replace("-", "−"), px(text[0]), py(text[1]));
        continue;
      }
      // A line is so many pixels wide, or thick in the world's own unit.
      Object.assign(pen, { lineWidth: thick ? thick * unit : dots * look.scale, lineCap: "round", lineJoin: "round" });
      pen.beginPath();
      if (circle) pen.arc(px(circle[0]), py(circle[1]), Math.max(1, circle[2] * unit), 0, 2 * Math.PI);
      else (line ?? polygon).forEach(([x, y], n) => pen[n ? "lineTo" : "moveTo"](px(x), py(y)));
      if (polygon) pen.closePath();
      if (line || !filled) pen.stroke();
      else pen.fill();
    }
    pen.restore();
  });
}

export class Episodes {
  constructor(host, stage) {
    this.stage = stage;
    this.pane = new Pane(host, "episodes");
    this.at = 0;
    this.drawn = 0;
    eachFrame(this);
  }

  dispose() {
    this.gone = true;
  }

  setBase(spec, look) {
    if (spec !== this.spec) Object.assign(this, { env: ENVIRONMENTS[spec.environment], expert: this.path(spec.expert), learner: null, at: 0 });
    this.spec = spec;
    this.look = look;
  }

  /** Packed arrays -> {states: rows, moves}. */
  path({ states, moves }) {
    return { states: decode(states), moves: decode(moves) };
  }

  draw(picture) {
    if (!picture.episodes || picture.step === this.next?.step) return;
    this.next = { ...picture.episodes, step: picture.step };
    this.at = this.learner ? this.at : 0;
    if (!this.learner) this.begin();
  }

  begin() {
    if (!this.next) return;
    this.learner = { ...this.path(this.next), step: this.next.step };
    this.pane.canvas.dataset.step = this.next.step;
    this.at = 0;
  }

  go(ms) {
    if (!this.spec || !this.learner || !this.pane.canvas.clientWidth) return;
    const step = 1000 * this.env.dt, longest = Math.max(this.expert.moves.length, this.learner.moves.length);
    this.at += ms / step;
    // Of two one that is long over is enough, and a newer step is not kept waiting by a long episode.
    const wait = Math.min(longest, this.learner.moves.length + 60) + PAUSE / step, newer = this.next.step !== this.learner.step;
    if (this.at > (newer ? Math.min(wait, LONGEST / step) : wait)) this.begin();
    this.paint();
  }

  paint(ratio) {
    const { pen, width, height } = this.pane.begin(ratio);
    if (!this.learner) return;
    const longest = Math.max(this.expert.moves.length, this.learner.moves.length);
    const panels = [this.expert, this.learner].map((path, i) => {
      const t = Math.min(Math.floor(this.at), path.states.length - 1), over = this.at >= path.moves.length;
      const words = [this.spec.names[i], ...(i ? [`after ${path.step} step${path.step === 1 ? "" : "s"}`] : [])].join(", ");
      const ended = over && path.moves.length < longest ? `: over after ${path.moves.length}` : "";
      return {
        title: words + ended, colour: i ? "@generated" : "@real", state: path.states[t],
        action: over ? (this.env.choices ? null : 0) : path.moves[t],
      };
    });
    paintPanels(pen, width, height, this.env, panels, this.look, getComputedStyle(this.pane.host).fontFamily);
    this.pane.canvas.dataset.drawn = this.drawn += 1;
  }
}
