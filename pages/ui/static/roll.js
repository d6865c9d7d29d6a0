// A piano roll: time across, pitch up, a colour a track; it can be heard, and a play head shows where.

import { greys } from "./images.js";
import { Pane } from "./pane.js";

/** Notes of one track's roll (T steps of P pitches, a byte each): [{start, length, pitch, loud}], in steps. */
export function notesOf(bytes, steps, pitches, offset = 0) {
  const notes = [];
  for (let pitch = 0; pitch < pitches; pitch++) {
    for (let t = 0; t < steps; t++) {
      const loud = bytes[offset + t * pitches + pitch];
      if (!loud) continue;
      const start = t;
      while (t + 1 < steps && bytes[offset + (t + 1) * pitches + pitch] === loud) t++;
      notes.push({ start, length: t + 1 - start, pitch, loud: loud / 255 });
    }
  }
  return notes;
}

export class Roll {
  constructor(host, stage) {
    this.stage = stage;
    this.pane = new Pane(host, "roll");
    this.button = document.createElement("button");
    Object.assign(this.button, { type: "button", className: "listen", textContent: "Listen" });
    this.button.dataset.do = "listen";
    this.button.addEventListener("click", () => (this.sound ? this.silence() : this.listen()));
    host.append(this.button);
  }

  setBase(spec, look) {
    this.spec = spec;
    this.look = look;
  }

  async draw(picture) {
    if (!picture.roll) return;
    if (picture.roll !== this.packed) {
      this.packed = picture.roll;
      const bytes = await greys(picture.roll), [tracks, steps, pitches] = picture.roll.of;
      Object.assign(this, { tracks, steps, pitches });
      this.notes = Array.from({ length: tracks }, (_, k) => notesOf(bytes, steps, pitches, k * steps * pitches));
      this.silence();
    }
    this.paint();
  }

  shown(k) { return !this.stage.hidden.has(`track${k}`); }

  paint(ratio) {
    const { pen, width, height } = this.pane.begin(ratio);
    if (!this.notes) return;
    const { scale, colour } = this.look, { low = 21, beat = 4, bar = 16 } = this.spec, type = 12 * scale;
    pen.font = `${type}px ${getComputedStyle(this.pane.host).fontFamily}`;
    const left = 36 * scale, foot = type + 12, w = (width - left) / this.steps, h = (height - foot) / this.pitches;
    const y = (pitch) => (this.pitches - 1 - pitch) * h;
    pen.fillStyle = colour("@ground");
    pen.fillRect(left, 0, width - left, height - foot);
    for (let pitch = 0; pitch < this.pitches; pitch++) {
      const note = (low + pitch) % 12;
      pen.fillStyle = colour([1, 3, 6, 8, 10].includes(note) ? "@grid/60" : "@grid/15"); // the black keys
      pen.fillRect(left, y(pitch), width - left, h);
      if (note !== 0) continue;
      Object.assign(pen, { fillStyle: colour("@text"), textAlign: "right", textBaseline: "middle" });
      pen.fillText(`C${Math.floor((low + pitch) / 12) - 1}`, left - 5, y(pitch) + h / 2);
    }
    for (let t = 0; t <= this.steps; t += beat) {
      pen.fillStyle = colour(t % bar ? "@grid" : "@muted");
      pen.fillRect(left + t * w, 0, t % bar ? 1 : 1.5, height - foot);
      if (t % bar) continue;
      Object.assign(pen, { fillStyle: colour("@text"), textAlign: "left", textBaseline: "bottom" });
      if (t < this.steps) pen.fillText(`bar ${t / bar + 1}`, left + t * w, height);
    }
    this.notes.forEach((notes, k) => {
      if (!this.shown(k)) return;
      pen.fillStyle = colour(this.spec.tracks?.[k]?.colour ?? `@c${k}`);
      for (const { start, length, pitch, loud } of notes) {
        pen.globalAlpha = 0.45 + 0.55 * loud;
        pen.fillRect(left + start * w + 0.5, y(pitch) + 0.5, Math.max(1, length * w - 1), Math.max(1.5, h - 1));
      }
      pen.globalAlpha = 1;
    });
    if (this.sound) {
      pen.fillStyle = colour("@text");
      pen.fillRect(left + this.playhead() * w - 1, 0, 2.5, height - foot);
      this.pane.canvas.dataset.playhead = this.playhead().toFixed(2);
    }
  }

  get stepSeconds() { return this.spec.step_seconds ?? 0.125; }

  /** Where the sound is, in steps. */
  playhead() { return Math.max(0, this.sound.currentTime - this.began) / this.stepSeconds; }

  listen() {
    const sound = this.sound = new AudioContext();
    this.began = sound.currentTime + 0.08;
    const out = sound.createGain();
    out.gain.value = 0.5 / Math.max(1, this.tracks);
    out.connect(sound.destination);
    this.notes.forEach((notes, k) => this.shown(k) && notes.forEach((note) => this.strike(sound, out, note, this.spec.tracks?.[k] ?? {})));
    this.button.textContent = "Stop the sound";
    const follow = () => {
      if (this.sound !== sound) return;
      if (this.playhead() >= this.steps) return this.silence();
      this.paint();
      requestAnimationFrame(follow);
    };
    follow();
  }

  strike(sound, out, { start, length, pitch, loud }, { wave = "triangle", drum = false }) {
    const begin = this.began + start * this.stepSeconds, end = begin + (drum ? 0.12 : length * this.stepSeconds);
    const source = sound.createOscillator(), gain = sound.createGain();
    source.type = drum ? "square" : wave;
    source.frequency.value = 440 * 2 ** (((this.spec.low ?? 21) + pitch - 69) / 12);
    if (drum) source.frequency.exponentialRampToValueAtTime(30, end); // a struck skin falls in pitch
    gain.gain.setValueAtTime(0, begin);
    gain.gain.linearRampToValueAtTime(0.3 + 0.7 * loud, begin + 0.01);
    gain.gain.setTargetAtTime(0, Math.max(begin + 0.02, end - 0.04), 0.03);
    source.connect(gain).connect(out);
    source.start(begin);
    source.stop(end + 0.15);
  }

  silence() {
    this.sound?.close();
    this.sound = null;
    this.button.textContent = "Listen";
    if (this.notes && this.spec) this.paint();
  }

  dispose() { this.silence(); }
}
