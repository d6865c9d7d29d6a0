// Posing: a figure, seven keypoints under the hand, and what the two stages make of them while they move.
//
// One question at a time goes over a socket, the newest pose first. The root element carries data-answers (count of
// pictures shown), data-ms (from the hand to the last picture), data-row, data-pose (-1: moved by hand), data-playing
// and data-asking (1 while an answer is under way), which tests read.

import { Asking } from "./asking.js";
import { button, clamp, complain, el, follow, mounting, paint, share } from "./hand.js";
import { presenter } from "./presenter.js";
import { decode } from "./values.js";

const SIDE = 64, BEAT = 350; // pixels of a picture, milliseconds of a step while it walks or turns
const LIMBS = [[0, 1], [1, 2], [1, 3], [1, 4], [2, 5], [2, 6]];
const COLOURS = ["#f0e442", "#000000", "#000000", "#d55e00", "#0072b2", "#d55e00", "#0072b2"]; // right is orange, left blue

class Posing {
  constructor(host, data) {
    this.server = new Asking(() => `${this.data.root}lab/pose-guided/${this.data.variant}`);
    this.answers = 0;
    this.build(host, data);
  }

  build(host, data) {
    const picture = (name, label, words) => {
      this[name] = el("canvas", { width: SIDE, height: SIDE, class: name, role: "img", "aria-label": label });
      return el("figure", {}, el("div", { class: "frame" }, this[name]), el("figcaption", {}, words));
    };
    this.lines = LIMBS.map(() => el("svg:line", { class: "limb" }));
    this.dots = data.keypoints.map((name, i) => {
      const dot = el("svg:circle", { r: 2.1, fill: COLOURS[i], class: "dot", tabindex: "0", role: "button", "data-point": i, "aria-label": `${name}: drag it, or move it with the arrow keys` }, el("svg:title", {}, name));
      dot.addEventListener("pointerdown", (event) => { this.held = i; dot.focus(); dot.setPointerCapture(event.pointerId); event.preventDefault(); });
      dot.addEventListener("pointermove", (event) => this.held === i && this.drag(i, this.place(event)));
      for (const end of ["pointerup", "pointercancel"]) dot.addEventListener(end, () => { this.held = null; });
      dot.addEventListener("keydown", (event) => this.key(event, i));
      return dot;
    });
    this.svg = el("svg:svg", { viewBox: "-0.5 -0.5 64 64", role: "group", "aria-label": "The target pose: seven keypoints to drag" }, ...this.lines, ...this.dots);
    this.trueBox = picture("truth", "The true picture of this figure in this pose", "The true picture");
    this.figures = el("select", { "aria-label": "Figure", onchange: () => this.figure(Number(this.figures.value)) }, ...data.figures.map((name, i) => el("option", { value: i }, name)));
    this.actions = el("select", { "aria-label": "Pose", onchange: () => this.take(this.actions.value, this.heading) }, ...data.actions.map((name) => el("option", { value: name }, name)));
    this.words = el("div", { class: "words", role: "status" });
    this.notice = el("div", { class: "notice bad", role: "status", hidden: true });
    this.walkButton = button("Walk", "walk", "Go through the steps of a run", () => this.play("walk"), { "aria-pressed": "false" });
    this.turnButton = button("Turn around", "turn", "Go through the directions of this pose", () => this.play("turn"), { "aria-pressed": "false" });
    this.root = el("div", { class: "lab", "data-answers": 0, "data-row": -1, "data-pose": -1, "data-playing": "" },
      el("div", { class: "posing" },
        picture("source", "The figure as it is given", "The figure"),
        el("figure", {}, el("div", { class: "frame board" }, this.svg), el("figcaption", {}, "Drag a point: right orange, left blue")),
        picture("made", "The figure in the target pose", "Result: coarse image + difference map"),
        picture("coarse", "What stage 1 makes", "Stage 1: coarse image"),
        picture("difference", "What stage 2 adds; grey is nothing", "Stage 2: difference map, grey is 0"),
        this.trueBox),
      this.words, this.notice,
      el("div", { class: "bar" },
        el("label", {}, "Figure ", this.figures), button("Another picture of it", "source", "Start from another of the figure's pictures", () => this.pick((this.at + 1) % this.rows)),
        el("label", {}, "Pose ", this.actions), button("Turn", "direction", "The next direction, clockwise", () => this.turn()), button("Next step", "step", "The next step of a run", () => this.step()),
        this.walkButton, this.turnButton));
    host.append(this.root);
    this.ending = new AbortController();
    this.root.querySelector(".bar").append(presenter(this.root, this.ending.signal));
  }

  update(data) {
    const before = this.data;
    this.data = data;
    if (!before) this.figure(data.row);
    else if (data.row !== before.row) this.figure(data.row);
    else if (data.pose !== before.pose) this.show(data.pose);
    else if (data.variant !== before.variant && this.points) this.changed();
  }

  // -- figures and poses ---------------------------------------------------------------------------------

  /** One of the test figures, its pictures and which poses they show. */
  async figure(row) {
    this.figures.value = row;
    const answer = await this.server.request("figure", { row });
    if (this.disposed || Number(this.figures.value) !== row) return;
    if (answer.error) return complain(this.notice, answer.error);
    this.row = row;
    this.pictures = decode(answer.images);
    this.taken = [...decode(answer.poses)];
    this.sex = answer.sex;
    this.rows = this.taken.length;
    this.root.dataset.row = row;
    this.pick(answer.first);
    if (this.points === undefined) this.show(this.data.pose);
    else if (this.pose >= 0) this.show(this.pose);
    else this.changed();
  }

  image(at) { return this.pictures.subarray(at * SIDE * SIDE * 3, (at + 1) * SIDE * SIDE * 3); }

  pick(at) {
    this.at = at;
    paint(this.source, this.image(at), SIDE);
    if (this.points) this.changed();
  }

  /** A pose of the list: its keypoints for this figure's sex. */
  show(pose) {
    this.pose = pose;
    const { action, direction } = this.data.poses[pose];
    [this.action, this.heading] = [action, direction];
    this.actions.value = action;
    this.points = this.data.poses[pose].keypoints[this.sex].map((point) => [...point]);
    this.visible = [...this.data.poses[pose].visible[this.sex]];
    this.changed();
  }

  of(action) { return this.data.poses.map((pose, i) => ({ ...pose, i })).filter((pose) => pose.action === action); }

  /** The pose of this action that faces nearest to ``heading``. */
  take(action, heading) {
    const away = (pose) => Math.min((pose.direction - heading + 8) % 8, (heading - pose.direction + 8) % 8);
    this.show(this.of(action).reduce((best, pose) => (away(pose) < away(best) ? pose : best)).i);
  }

  turn() {
    const poses = this.of(this.action);
    this.show((poses.find((pose) => pose.direction > this.heading) ?? poses[0]).i);
  }

  step() {
    const steps = this.data.walk;
    this.take(steps[(steps.indexOf(this.action) + 1) % steps.length], this.heading);
  }

  play(what) {
    const playing = this.root.dataset.playing === what ? "" : what;
    this.root.dataset.playing = playing;
    this.walkButton.setAttribute("aria-pressed", String(playing === "walk"));
    this.turnButton.setAttribute("aria-pressed", String(playing === "turn"));
    clearInterval(this.timer);
    if (playing) this.timer = setInterval(() => { if (!this.asking && this.points) (playing === "walk" ? this.step() : this.turn()); }, BEAT);
  }

  // -- the hand ------------------------------------------------------------------------------------------

  place(event) {
    return share(event, this.svg).map((value) => clamp(value * SIDE - 0.5, 0, SIDE - 1));
  }

  drag(i, point) {
    if (!this.points) return;
    if (this.root.dataset.playing) this.play(this.root.dataset.playing);
    this.points[i] = point;
    this.visible[i] = 1;
    this.pose = -1;
    this.changed();
  }

  key(event, i) {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!by || !this.points) return;
    this.drag(i, this.points[i].map((value, k) => clamp(value + by[k], 0, SIDE - 1)));
    event.preventDefault();
    event.stopPropagation();
  }

  /** Draw the keypoints, ask for the pictures. */
  changed() {
    LIMBS.forEach(([a, b], i) => {
      const [[x1, y1], [x2, y2]] = [this.points[a], this.points[b]];
      for (const [key, value] of Object.entries({ x1, y1, x2, y2 })) this.lines[i].setAttribute(key, value);
    });
    this.points.forEach(([x, y], i) => {
      this.dots[i].setAttribute("cx", x);
      this.dots[i].setAttribute("cy", y);
      this.dots[i].classList.toggle("unseen", !this.visible[i]);
    });
    this.root.dataset.pose = this.pose;
    const at = this.pose < 0 ? -1 : this.taken.indexOf(this.pose);
    this.trueBox.classList.toggle("absent", at < 0);
    if (at >= 0) paint(this.truth, this.image(at), SIDE);
    const wanted = { row: this.row, source: this.at, truth: at, points: this.points.map((point) => [...point]), visible: [...this.visible] };
    follow(this, wanted, (question) => this.server.ask("pose", question), (answer) => this.shown(answer));
  }

  shown(answer) {
    for (const name of ["coarse", "difference", "made"]) paint(this[name], decode(answer[name]), SIDE);
    this.words.textContent = answer.words;
  }

  dispose() { this.disposed = true; this.ending.abort(); clearInterval(this.timer); this.server.close(); }
}

export const mount = mounting(Posing);
