// An environment under the hand: the arrow keys, or a finger left and right of the middle. It runs here, in the browser,
// so that nothing lies between a key and what it does but one frame. An episode that is over goes to the page.

import { ENVIRONMENTS } from "./environments.js";
import { paintPanels } from "./episodes.js";
import { el, mounting } from "./hand.js";
import { Pane, eachFrame } from "./pane.js";
import { presenter } from "./presenter.js";
import { colourOf, isDark } from "./values.js";

const KEYS = { ArrowLeft: "left", ArrowRight: "right", a: "left", d: "right" };

class Drive {
  constructor(host) {
    this.host = host;
    this.held = {};
    this.frame = 0;
  }

  dispose() {
    this.gone = true;
    this.ending?.abort();
  }

  update(data) {
    const other = this.data?.environment !== data.environment;
    this.data = data;
    this.env = ENVIRONMENTS[data.environment];
    if (!this.root) this.build();
    if (other) this.wait();
  }

  build() {
    this.place = el("div", { class: "place", role: "application", tabindex: 0, "aria-label": "Drive with the left and right arrow keys" });
    this.pane = new Pane(this.place, "driven");
    this.said = el("div", { class: "said", role: "status" });
    this.button = el("button", { type: "button" }, "Start");
    this.root = el("div", { class: "lab drive", "data-length": 0 }, this.place, el("div", { class: "foot" }, this.button, this.said));
    this.host.append(this.root);
    this.ending = new AbortController();
    this.root.querySelector(".foot").append(presenter(this.root, this.ending.signal));
    this.button.addEventListener("click", () => this.begin());
    this.place.addEventListener("keydown", (event) => this.key(event, true));
    this.place.addEventListener("keyup", (event) => this.key(event, false));
    this.place.addEventListener("blur", () => this.press(null));
    this.place.addEventListener("pointerdown", (event) => this.point(event));
    this.place.addEventListener("pointermove", (event) => event.buttons && this.point(event));
    for (const end of ["up", "cancel", "leave"]) this.place.addEventListener(`pointer${end}`, () => this.press({ pointer: 0 }));
    eachFrame(this);
  }

  /** Before the first episode. */
  wait() {
    this.run = null;
    this.button.textContent = "Start";
    this.said.textContent = "Press Start, then hold ← or →, or press left or right of the middle.";
  }

  begin() {
    const u = Array.from({ length: this.env.size }, () => Math.random());
    this.run = { state: this.env.start(u), states: [], actions: [], value: 0, owed: 0, begun: false, over: false };
    this.held = {};
    this.place.focus();
    this.button.textContent = "Start again";
    this.said.textContent = "Your first push starts it.";
    this.root.dataset.length = 0;
  }

  // -- the hand -------------------------------------------------------------------------------------------

  key(event, down) {
    const side = KEYS[event.key];
    if (!side) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat) this.press({ [side]: down });
  }

  point(event) {
    this.place.focus();
    const box = this.place.getBoundingClientRect(), off = (event.clientX - box.left - box.width / 2) / (box.width / 2);
    this.press({ pointer: Math.max(-1, Math.min(1, 1.6 * off)) || 0.01 });
  }

  press(change) {
    const before = this.push();
    this.held = change ? { ...this.held, ...change } : {};
    if (!this.run || this.push() === before) return;
    if (this.push()) {
      this.run.begun = true;
      this.pressed ??= [performance.now(), this.frame];
    }
    this.run.owed = Math.max(this.run.owed, 1); // at once, not at the clock's next step
  }

  /** What the hand asks for, from -1, left, to 1, right. */
  push() {
    const { left, right, pointer } = this.held;
    return pointer || (right ? 1 : 0) - (left ? 1 : 0);
  }

  action() {
    const push = this.push();
    // Left turns the rod counter-clockwise, which the environment counts as positive.
    if (!this.env.choices) return this.env.bound * (this.data.environment === "pendulum" ? -push : push);
    // Two choices and no third: with no key held, left and right take turns.
    return push ? Number(push > 0) : this.run.actions.length % 2;
  }

  // -- the environment ------------------------------------------------------------------------------------

  go(ms) {
    const { run } = this;
    this.frame += 1;
    if (run?.begun && !run.over) {
      run.owed += ms / (1000 * this.env.dt / this.data.speed);
      while (run.owed >= 1 && !run.over) this.step(run);
      this.root.dataset.length = run.actions.length;
    }
    this.paint();
    if (this.pressed !== undefined && run?.actions.length) {
      const [at, frame] = this.pressed;
      Object.assign(this.root.dataset, { latency: (performance.now() - at).toFixed(1), waited: this.frame - frame });
      this.pressed = undefined;
    }
  }

  step(run) {
    run.owed -= 1;
    const action = this.action(), [state, reward, ended] = this.env.step(run.state, action);
    run.states.push(run.state);
    run.actions.push(action);
    run.value += reward;
    run.state = state;
    run.over = ended || run.actions.length >= this.env.limit;
    this.said.textContent = `Step ${run.actions.length} of at most ${this.env.limit}, return ${run.value.toFixed(1)}`;
    if (run.over) this.finish(run, ended);
  }

  finish(run, terminated) {
    this.said.textContent = `${run.actions.length} steps, return ${run.value.toFixed(1)}. Start again for another.`;
    const round = (value) => Math.round(1e6 * value) / 1e6;
    this.trigger("driven", {
      environment: this.data.environment, states: run.states.map((state) => state.map(round)), actions: run.actions.map(round),
      terminated, nonce: Date.now(),
    });
  }

  paint() {
    if (!this.place.clientWidth) return;
    const { pen, width, height } = this.pane.begin(), { run } = this, rest = this.env.choices ? null : 0;
    const panel = { title: "You", colour: "@real", state: run?.state ?? this.data.rest, action: run?.begun && !run.over ? this.action() : rest };
    const look = { colour: colourOf(this.data.palette, isDark(this.place)), scale: 1 };
    paintPanels(pen, width, height, this.env, [panel], look, getComputedStyle(this.place).fontFamily);
  }
}

export const mount = mounting(Drive);
