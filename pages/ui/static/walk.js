// Where the viewer is in a run, and where the next key, click or tick takes them. No DOM here.
//
// Play goes on from the cursor through the frames that are here and then, at the same speed, through the steps
// that the engine makes: `send` asks it for them. `moved` is told of every new place.

import { Clock } from "./clock.js";
import { Film } from "./film.js";

const LEAD = 6; // frames kept ready ahead of the cursor while playing
const OVER = ["finished", "failed", "stopped", "closed"];

export class Walk {
  constructor({ send, moved, now = () => performance.now() }) {
    Object.assign(this, { send, moved, now });
    this.clock = new Clock();
    this.restart();
  }

  /** A new run: nothing here yet. */
  restart() {
    this.film = new Film();
    this.cursor = -1;
    this.playing = this.follow = this.waiting = false;
    this.goal = null; // a step to stop at
    this.status = { state: "connecting", step: 0, message: "", ahead: 0 };
    this.sentSpeed = undefined;
  }

  get frame() { return this.film.at(this.cursor); }
  get step() { return this.frame?.step ?? 0; }
  get last() { return this.film.length - 1; }
  get over() { return OVER.includes(this.status.state); }
  get working() { return ["playing", "queued"].includes(this.status.state); }

  to(index) {
    if (!this.film.length) return;
    this.cursor = Math.max(0, Math.min(index, this.last));
    this.moved();
  }

  /** To a place of the viewer's own choice: the run halts there. */
  seek(index) {
    this.halt();
    this.to(index);
  }

  play() {
    if (this.cursor === this.last && this.over) this.to(0);
    this.playing = true;
    this.clock.start(this.now());
    this.sentSpeed = undefined;
    this.moved();
  }

  halt() {
    this.goal = null;
    this.playing = this.follow = false;
    if (this.working && !this.background) this.send({ do: "pause" });
    this.moved();
  }

  toggle() {
    if (this.playing) this.halt();
    else this.play();
    return this.playing;
  }

  setSpeed(speed) {
    this.clock.speed = speed;
    this.sentSpeed = undefined;
  }

  forward() {
    if (this.playing) this.halt();
    if (this.cursor < this.last) this.to(this.cursor + 1);
    else if (!this.over) {
      this.waiting = true;
      this.send({ do: "step" });
    }
  }

  back() { this.seek(this.cursor - 1); }

  /** On to the next of these steps: the end of an image's row. */
  leap(steps) {
    const goal = steps.find((step) => step > this.step);
    if (goal === undefined) return;
    if (this.film.last.step >= goal) return this.seek(this.film.indexOf(goal));
    this.play();
    this.goal = goal;
  }

  /** To the newest step, and stay there as more come. */
  newest() {
    this.follow = !this.follow;
    if (this.follow) {
      this.to(this.last);
      if (!this.over && !this.playing) this.play();
    }
    this.moved();
  }

  /** Frames have come, with how the run stands; gives how many were new. */
  arrive(frames, status) {
    const atEnd = this.cursor === this.last;
    const came = this.film.arrive(frames);
    const step = this.step, stood = this.cursor >= 0;
    if (this.film.thin() && stood) this.cursor = this.film.indexOf(step);
    this.status = status;
    if (came && this.follow) this.to(this.last);
    else if (came && this.waiting && atEnd) {
      this.waiting = false;
      this.to(this.cursor + 1);
    }
    return came;
  }

  /** One look at the clock while playing: asks for more where few are left, goes on where a picture is due. */
  tick(now) {
    if (!this.playing) return;
    const left = this.last - this.cursor;
    if (left < LEAD && !this.over) this.askForMore(now);
    const skip = this.clock.steps(now, left);
    if (skip) {
      const on = this.follow ? this.last : this.cursor + skip;
      this.to(this.goal === null ? on : Math.min(on, this.film.indexOf(this.goal)));
      if (this.goal !== null && this.step >= this.goal) this.halt();
    } else if (left === 0 && this.over) {
      this.playing = false;
      this.moved();
    }
  }

  askForMore(now) {
    const same = this.sentSpeed === this.clock.speed;
    if (same && (this.working || now - this.asked < 250)) return;
    this.asked = now;
    this.sentSpeed = this.clock.speed;
    this.send({ do: "play", speed: this.clock.speed });
  }
}
