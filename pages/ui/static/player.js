// The player: shows one run, plays and scrubs it in the browser, and asks the server for more.
//
// Frames arrive over a socket and stay here, so playing, stepping back and scrubbing cost the server
// nothing. Play goes on from the cursor through the frames that are here and then, at the same speed,
// through the steps that the engine makes. The root element carries data-frame, data-frames,
// data-playing, data-painted and data-state.

import { Stage, Curve } from "./stage.js";

const MAX_FRAMES = 4000; // beyond this every second one goes, never the ends
const MAX_SPEED = 60; // pictures a second when playing "as fast as possible"
const LEAD = 6; // frames kept ready ahead of the cursor while playing
const ICONS = {
  first: "M5 4v16M19 5l-10 7 10 7z", back: "M16 5l-9 7 9 7z", play: "M7 4l13 8-13 8z",
  pause: "M7 4h4v16H7zM14 4h4v16h-4z", next: "M8 5l9 7-9 7z", last: "M19 4v16M5 5l10 7-10 7z",
};
const players = new WeakMap();
const places = new Map(); // token -> {step, playing}, so that a re-mounted player goes on as it was

export function mount(component) {
  const root = component.parentElement;
  if (!players.has(root)) players.set(root, new Player(root));
  const player = players.get(root);
  player.update(component);
  return () => {
    player.dispose();
    players.delete(root);
  };
}

function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== false && value !== null) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

function icon(name) {
  const span = el("span", { "aria-hidden": "true" });
  span.innerHTML = `<svg viewBox="0 0 24 24" width="1.2em" height="1.2em" fill="currentColor" stroke="currentColor" stroke-width="1.5" stroke-linejoin="round"><path d="${ICONS[name]}"/></svg>`;
  return span;
}

class Player {
  constructor(host) {
    this.host = host;
    this.frames = [];
    this.cursor = -1;
    this.playing = false;
    this.follow = false;
    this.painted = 0;
    this.speed = null;
    this.status = { state: "connecting", step: 0, message: "", ahead: 0 };
    this.pick = { point: 0 };
    this.tool = "pick";
    this.undo = [];
    this.scale = 1;
  }

  // -- what the page says -------------------------------------------------------------------------

  update(component) {
    const { data } = component;
    this.trigger = component.setTriggerValue;
    const first = !this.root;
    this.data = data;
    if (first) this.build();
    this.loadPlotly().catch(() => this.setStatus({ ...this.status, message: "The drawing library could not be loaded: reload the page." }));
    this.refreshTools();
    if (data.token !== this.token) this.connect(data.token, true);
    else if (this.base) this.restyle();
    if (first && data.present) this.present(true);
    // A live change of a setting shows from the newest step on.
    if (!first && data.go !== this.go && data.token === this.token && this.frames.length) {
      this.show(this.frames.length - 1);
      if (this.over) this.status.state = "paused";
      this.play();
    }
    this.go = data.go;
  }

  build() {
    const { data } = this;
    this.speed = data.speed === "max" ? null : data.speed ?? 4;
    const button = (label, title, action, name) => {
      const b = el("button", { type: "button", title, "aria-label": label, onclick: action, "data-do": name });
      b.append(ICONS[name] ? icon(name) : label);
      return b;
    };
    this.stageHost = el("div", { class: data.wide ? "stage wide" : "stage", role: "img", tabindex: "0", "aria-label": "Loading" });
    this.caption = el("div", { class: "caption", "aria-live": "off" });
    this.notice = el("div", { class: "notice", role: "status" });
    this.tip = el("div", { class: "tip", hidden: true });
    this.slider = el("input", {
      type: "range", min: 0, max: 0, value: 0, step: 1, "aria-label": "Step of the run", class: "scrub",
      oninput: () => {
        const wish = Number(this.slider.value); // halt() puts the handle back to the cursor
        this.halt();
        this.show(wish);
        this.tell("seek");
      },
    });
    this.counter = el("span", { class: "counter" });
    this.playButton = button("Play", "Play or pause (space)", () => this.toggle(), "play");
    this.speedBox = el("select", { "aria-label": "Speed", title: "Speed (- and +)", onchange: () => {
      this.setSpeed(this.speedBox.value === "max" ? null : Number(this.speedBox.value));
    } });
    for (const speed of data.speeds ?? [0.5, 1, 2, 4, 8, 16, 30]) {
      this.speedBox.append(el("option", { value: speed }, speed < 2 ? `slow motion, ${speed}/s` : `${speed} steps/s`));
    }
    this.speedBox.append(el("option", { value: "max" }, "as fast as possible"));
    this.speedBox.value = this.speed === null ? "max" : String(this.speed);
    this.liveBox = el("button", {
      type: "button", "data-do": "live", "aria-pressed": "false", title: "Jump to the newest step and stay there (End)",
      onclick: () => this.goLive(),
    }, "Live");
    this.layerBox = el("div", { class: "chips", role: "group", "aria-label": "Layers" });
    this.toolBox = el("div", { class: "chips", role: "group", "aria-label": "Drawing tools" });
    this.bar = el("div", { class: "bar" }, el("div", { class: "scrubber" }, this.slider, this.counter),
      button("First step", "First step (Home)", () => { this.halt(); this.show(0); this.tell("seek"); }, "first"),
      button("One step back", "One step back (left arrow)", () => this.stepBack(), "back"),
      this.playButton,
      button("One step forward", "One step forward (right arrow)", () => this.stepForward(), "next"),
      this.rowButton = el("button", { type: "button", "data-do": "row", hidden: true, title: "On to the end of the row (shift and right arrow)", onclick: () => this.leap() }, "Row"),
      this.liveBox, this.speedBox);
    this.chipRow = el("div", { class: "bar extras" }, this.layerBox, this.toolBox);
    this.extras = el("div", { class: "bar extras actions" });
    if (data.forkable) {
      this.extras.append(el("button", {
        type: "button", "data-do": "fork", title: "Start a second run from this step, with one setting changed",
        onclick: () => { this.halt(); this.trigger("fork", { step: this.frames[this.cursor]?.step ?? 0, nonce: Date.now() }); },
      }, "Fork here"));
    }
    this.extras.append(
      el("button", { type: "button", "data-do": "stop", title: "End this run; its history stays", onclick: () => { this.halt(); this.send({ do: "stop" }); } }, "Stop"),
      el("button", { type: "button", "data-do": "png", title: "Save the picture", onclick: () => this.savePicture() }, "PNG"),
      el("button", { type: "button", "data-do": "csv", title: "Save the curve's numbers", onclick: () => this.saveNumbers() }, "CSV"),
      el("button", { type: "button", "data-do": "present", title: "Presenter mode (P)", onclick: () => this.present() }, "Present"));
    this.curveHost = el("div", { class: "curve", hidden: true });
    // Where a run has more curves than one picture holds, the viewer chooses.
    this.curveBox = el("select", { class: "curves", "aria-label": "Curve", title: "What the curve shows", hidden: true, onchange: () => {
      this.curveChoice = Number(this.curveBox.value);
      this.restyle();
    } });
    this.numbersHost = el("div", { class: "numbers", hidden: !data.numbers });
    this.side = el("div", { class: "side" }, this.curveBox, this.curveHost, this.numbersHost);
    this.main = el("div", { class: "main" }, this.stageHost, this.tip, this.notice, this.caption, this.bar, this.chipRow, this.extras);
    this.root = el("div", { class: "lab", "data-frame": -1, "data-frames": 0, "data-playing": "false", "data-painted": 0, "data-state": "connecting" },
      el("div", { class: "grid" }, this.main, this.side));
    if (data.title) this.main.prepend(el("div", { class: "title" }, data.title));
    this.host.append(this.root);
    this.stage = new Stage(this.stageHost, data.palette);
    this.curve = new Curve(this.curveHost, data.palette);
    this.buildNumbers();
    for (const layer of data.layers ?? []) {
      const chip = el("button", { type: "button", "aria-pressed": String(layer.on !== false), "data-layer": layer.id, onclick: () => this.toggleLayer(layer.id, chip) }, layer.label);
      if (layer.on === false) this.stage.hidden.add(layer.id);
      this.layerBox.append(chip);
    }
    this.stageHost.addEventListener("pointerdown", (event) => this.pointerDown(event));
    this.stageHost.addEventListener("pointermove", (event) => this.pointerMove(event));
    this.stageHost.addEventListener("pointerup", (event) => this.pointerUp(event));
    this.stageHost.addEventListener("pointerleave", () => {
      this.tip.hidden = true;
      if (this.stage.pixel && !this.keptPixel) this.choosePixel(null);
    });
    this.curveHost.addEventListener("pointerdown", (event) => this.scrubCurve(event));
    this.curveHost.addEventListener("pointermove", (event) => event.buttons && this.scrubCurve(event));
    this.onKey = (event) => this.key(event);
    document.addEventListener("keydown", this.onKey);
    this.onGroup = (event) => this.hear(event.detail);
    window.addEventListener("lab:group", this.onGroup);
    this.resizer = new ResizeObserver(() => {
      clearTimeout(this.resizeTimer);
      this.resizeTimer = setTimeout(() => { this.stage.resize(); this.curve.resize(); this.placeNeedle(); }, 60);
    });
    this.resizer.observe(this.stageHost);
    this.resizer.observe(this.curveHost);
  }

  // -- the socket -----------------------------------------------------------------------------------

  connect(token, fresh) {
    if (fresh) {
      this.token = token;
      this.pending = true; // the old picture stays until the new run's first one
      this.tries = 0;
      this.sentSpeed = undefined;
    }
    this.socket?.close();
    const after = fresh ? -1 : this.frames.at(-1)?.step ?? -1;
    const url = new URL(`${this.data.root}lab/run/${token}?after=${after}`, document.baseURI);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.onmessage = (event) => socket === this.socket && this.receive(JSON.parse(event.data));
    socket.onclose = () => {
      if (socket !== this.socket || this.gone || this.disposed) return;
      this.tries += 1;
      if (this.tries > 3) this.setStatus({ ...this.status, message: "The connection to the server is lost; trying again." });
      setTimeout(() => socket === this.socket && !this.disposed && this.connect(this.token, false), Math.min(500 * this.tries, 4000));
    };
  }

  send(command) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(command));
  }

  receive(message) {
    if (message.type === "gone") {
      this.gone = true;
      this.trigger("gone", { token: this.token, nonce: Date.now() });
      return;
    }
    this.gone = false;
    this.tries = 0;
    if (message.type === "hello") this.hello(message);
    else if (message.type === "frames") this.arrive(message);
    else if (message.type === "numbers") this.showNumbers(message);
    else if (message.type === "error") this.setStatus({ ...this.status, message: message.message });
  }

  async hello(message) {
    this.base = message.base;
    if (this.pending) {
      this.frames = [];
      this.cursor = -1;
      this.wanted = -1;
      this.undo = this.data.edit ? this.undo : [];
      this.playing = false;
      this.advanceOnArrival = false;
      this.rival = null;
      this.pick = this.base.pick ?? { point: 0 };
      this.stage.picked = this.pick.point ?? null;
      this.stage.pixel = this.pick.pixel ?? null;
      this.stage.overlay = this.stage.hiding = this.stage.asked = null;
      this.fillPicks();
    }
    this.styled = false;
    this.setStatus(message.status);
    await this.loadPlotly();
    this.restyle();
  }

  async loadPlotly() {
    if (window.Plotly) return;
    window.labPlotly ??= new Promise((done, fail) => {
      document.head.append(el("script", { src: new URL(`${this.data.root}lab/static/${this.data.version}/plotly.min.js`, document.baseURI), onload: done, onerror: fail }));
    });
    await window.labPlotly;
  }

  restyle() {
    if (!window.Plotly || !this.base) return;
    this.stage.setBase(this.base, this.scale);
    this.offerCurves(this.base.curve_sets ?? []);
    this.curve.setBase({ ...this.base, ...this.base.curve_sets?.[this.curveChoice ?? 0] }, this.scale);
    this.styled = true;
    this.curveStale = true;
    if (this.cursor >= 0) this.show(this.cursor);
    this.tick();
  }

  offerCurves(sets) {
    const names = sets.map((set) => set.name).join();
    this.curveBox.hidden = !sets.length;
    if (this.curveNames === names) return;
    this.curveNames = names;
    this.curveChoice = 0;
    this.curveBox.replaceChildren(...sets.map((set, i) => el("option", { value: i }, set.name)));
  }

  arrive(message) {
    const opening = this.pending && message.frames.length > 0;
    const atEnd = this.cursor === this.frames.length - 1;
    for (const frame of message.frames) {
      if (!this.frames.length || frame.step > this.frames.at(-1).step) this.frames.push(frame);
    }
    if (this.frames.length > MAX_FRAMES) this.thin();
    if (message.frames.length) this.curveStale = true;
    this.setStatus(message.status);
    if (opening) {
      this.pending = false;
      const place = places.get(this.token);
      const wanted = place?.step ?? this.data.open; // a step, "start" or "end"
      const open = typeof wanted === "number" ? this.indexOf(wanted) : wanted === "end" ? this.frames.length - 1 : 0;
      const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
      const move = place ? place.playing : this.data.autoplay && !still;
      this.show(open);
      if (this.data.lead === false) this.tell("seek"); // a fork's past and the run that it left start together
      if (move) {
        this.play();
        if (this.data.lead === false) this.tell("play");
      }
    } else if (this.follow && message.frames.length) {
      this.show(this.frames.length - 1);
    } else if (this.advanceOnArrival && message.frames.length && atEnd) {
      this.advanceOnArrival = false;
      this.show(this.cursor + 1);
      this.tell("seek");
    }
    this.refresh();
    this.tick();
    if (message.frames.length) this.tell("curve");
  }

  thin() {
    const kept = this.frames.filter((_, i) => i % 2 === 0 || i === this.frames.length - 1);
    const step = this.frames[this.cursor]?.step;
    this.frames = kept;
    if (step !== undefined) this.cursor = this.indexOf(step);
  }

  indexOf(step) {
    let index = this.frames.findIndex((frame) => frame.step > step);
    if (index < 0) index = this.frames.length;
    return Math.max(0, index - 1);
  }

  setStatus(status) {
    this.status = status;
    const sentences = {
      queued: `Waiting for a free processor: ${status.ahead} ${status.ahead === 1 ? "run comes" : "runs come"} first.`,
      stopped: "This run was ended; its history stays here. Start it again with Restart.",
      closed: "This run has ended. Start it again with Restart.",
    };
    const text = status.message || sentences[status.state] || "";
    if (this.notice.textContent !== text) this.notice.textContent = text;
    this.notice.classList.toggle("bad", status.state === "failed");
    this.notice.hidden = !text;
    this.root.dataset.state = status.state;
  }

  // -- moving through the frames --------------------------------------------------------------------

  get over() { return ["finished", "failed", "stopped", "closed"].includes(this.status.state); }

  toggle() {
    if (this.playing) { this.halt(); this.tell("halt"); }
    else { this.play(); this.tell("play"); }
  }

  play() {
    if (this.cursor === this.frames.length - 1 && this.over) this.show(0);
    this.playing = true;
    this.due = performance.now() + 1000 / (this.speed ?? MAX_SPEED);
    this.sentSpeed = undefined;
    this.refresh();
    this.tick();
  }

  halt() {
    this.goal = null;
    this.playing = false;
    this.follow = false;
    if (["playing", "queued"].includes(this.status.state) && !this.data.background) this.send({ do: "pause" });
    this.refresh();
  }

  setSpeed(speed) {
    this.speed = speed;
    this.speedBox.value = speed === null ? "max" : String(speed);
    this.sentSpeed = undefined;
    this.tick();
  }

  stepForward() {
    const wasPlaying = this.playing;
    if (wasPlaying) this.halt();
    if (this.cursor < this.frames.length - 1) { this.show(this.cursor + 1); this.tell("seek"); }
    else if (!this.over) { this.advanceOnArrival = true; this.send({ do: "step" }); }
  }

  /** On to the next of the steps that the base marks: the end of an image's row. */
  leap() {
    const step = this.frames[this.cursor]?.step ?? 0, goal = (this.base?.rows ?? []).find((row) => row > step);
    if (goal === undefined) return;
    if (this.frames.at(-1).step >= goal) { this.halt(); this.show(this.indexOf(goal)); this.tell("seek"); return; }
    this.goal = goal;
    this.play();
  }

  stepBack() {
    this.halt();
    if (this.cursor > 0) { this.show(this.cursor - 1); this.tell("seek"); }
  }

  goLive() {
    this.follow = !this.follow;
    if (this.follow) {
      this.show(this.frames.length - 1);
      if (!this.over && !this.playing) this.play();
    }
    this.refresh();
  }

  /** Keep the pictures coming while playing: one loop on the screen's own clock. */
  tick() {
    if (!this.playing || this.ticking) return;
    this.ticking = requestAnimationFrame(async (now) => {
      if (!this.playing) { // paused or scrubbed since this was asked for
        this.ticking = null;
        return;
      }
      const speed = this.speed ?? MAX_SPEED;
      const left = this.frames.length - 1 - this.cursor;
      if (left < LEAD && !this.over && !this.pending) this.askForMore();
      if (left > 0 && now >= this.due) {
        const skip = Math.min(left, Math.max(1, Math.floor(((now - this.due) * speed) / 1000) + 1));
        this.due = Math.max(this.due + (skip * 1000) / speed, now);
        const on = this.follow ? this.frames.length - 1 : this.cursor + skip;
        await this.show(this.goal ? Math.min(on, this.indexOf(this.goal)) : on);
        if (this.goal && this.frames[this.cursor].step >= this.goal) this.halt();
      } else if (left === 0 && this.over && !this.pending) {
        this.playing = false;
        this.refresh();
      }
      this.ticking = null;
      // With nothing to show the next picture's arrival goes on: sixty looks a second would cost the engine its time.
      if (this.frames.length - 1 > this.cursor || this.over) this.tick();
    });
  }

  askForMore() {
    if (this.sentSpeed === this.speed && ["playing", "queued"].includes(this.status.state)) return;
    if (this.asked && performance.now() - this.asked < 250 && this.sentSpeed === this.speed) return;
    this.asked = performance.now();
    this.sentSpeed = this.speed;
    this.send({ do: "play", speed: this.speed });
  }

  /** Draw the frame at `index`; while one is being painted only the latest wish is kept. */
  async show(index) {
    if (!this.frames.length) return;
    this.cursor = Math.max(0, Math.min(index, this.frames.length - 1));
    this.refresh();
    if (!this.styled) return;
    if (this.painting) { this.again = true; return this.painting; }
    this.painting = this.paint().finally(() => { this.painting = null; });
    return this.painting;
  }

  async paint() {
    do {
      this.again = false;
      const frame = this.frames[this.cursor];
      if (!frame) break;
      await this.stage.draw(frame);
      this.caption.textContent = frame.caption ?? "";
      this.caption.dataset.phase = frame.phase;
      this.stageHost.setAttribute("aria-label", frame.alt ?? frame.caption ?? "");
      this.painted += 1;
      this.root.dataset.painted = this.painted;
      this.root.dataset.frame = this.frames.indexOf(frame);
      this.root.dataset.step = frame.step;
      await this.drawCurve();
      this.placeNeedle();
      this.askNumbers();
    } while (this.again);
  }

  async drawCurve() {
    const now = performance.now();
    if (!this.curveStale || (this.playing && now - (this.curveDrawn ?? 0) < 300)) return;
    this.curveStale = false;
    this.curveDrawn = now;
    await this.curve.draw(this.frames, this.rival);
  }

  placeNeedle() {
    const frame = this.frames[this.cursor];
    if (frame) this.curve.point(frame.step);
  }

  refresh() {
    const { root, frames } = this;
    if (this.cursor >= 0 && !this.pending) {
      places.set(this.token, { step: frames[this.cursor].step, playing: this.playing });
      if (places.size > 50) places.delete(places.keys().next().value);
    }
    if (!this.painted) root.dataset.frame = this.cursor;
    root.dataset.frames = frames.length;
    root.dataset.playing = String(this.playing);
    this.slider.max = Math.max(0, frames.length - 1);
    this.slider.value = this.cursor;
    const last = frames.at(-1)?.step ?? 0, step = frames[this.cursor]?.step ?? 0;
    this.counter.textContent = `step ${step} of ${last}${this.over ? "" : "+"}`;
    this.slider.setAttribute("aria-valuetext", this.counter.textContent);
    const name = this.playing ? "pause" : "play";
    if (this.playButton.dataset.shown !== name) {
      this.playButton.dataset.shown = name;
      this.playButton.replaceChildren(icon(name));
      this.playButton.setAttribute("aria-label", name === "play" ? "Play" : "Pause");
    }
    this.liveBox.setAttribute("aria-pressed", String(this.follow));
    if (!this.playing && this.curveStale && this.styled && !this.painting && frames.length) {
      this.drawCurve().then(() => this.placeNeedle());
    }
  }

  scrubCurve(event) {
    const box = this.curveHost.getBoundingClientRect();
    const step = this.curve.stepAt(event.clientX - box.left);
    if (step === null || !this.frames.length) return;
    this.halt();
    this.show(this.indexOf(Math.round(step)));
    this.tell("seek");
  }

  // -- two players side by side ----------------------------------------------------------------------

  tell(what) {
    if (!this.data.group || this.deaf) return;
    const detail = { group: this.data.group, from: this, what, step: this.frames[this.cursor]?.step ?? 0 };
    if (what === "curve") {
      if (this.data.lead) return;
      const scalar = this.curve.curves?.[0]?.scalar;
      detail.scalar = scalar;
      detail.curve = scalar ? this.frames.map((frame) => [frame.step, frame.scalars[scalar] ?? null]) : [];
    }
    window.dispatchEvent(new CustomEvent("lab:group", { detail }));
  }

  hear({ group, from, what, step, curve, scalar }) {
    if (group !== this.data.group || from === this) return;
    this.deaf = true;
    if (what === "seek" && this.frames.length) { this.halt(); this.show(this.indexOf(step)); }
    else if (what === "play") this.play();
    else if (what === "halt") this.halt();
    else if (what === "curve" && this.data.lead && scalar === this.curve.curves?.[0]?.scalar) { this.rival = curve; this.curveStale = true; this.refresh(); }
    this.deaf = false;
  }

  // -- keys, layers, pictures to keep ------------------------------------------------------------------

  key(event) {
    if (this.data.lead === false || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.composedPath()[0];
    const typing = target.closest?.("input:not(.scrub), textarea, select, [contenteditable], [role=textbox], [role=combobox], [role=slider], [role=radiogroup], [role=listbox]");
    if (typing) return;
    const pressing = target.closest?.("button, a, summary, [role=button], [role=tab], [role=checkbox], [role=switch]");
    const actions = {
      ArrowRight: () => this.stepForward(), ArrowLeft: () => this.stepBack(),
      Home: () => { this.halt(); this.show(0); this.tell("seek"); },
      End: () => { this.halt(); this.show(this.frames.length - 1); this.tell("seek"); },
      "+": () => this.faster(+1), "-": () => this.faster(-1),
      p: () => this.present(), P: () => this.present(),
      Escape: () => document.body.classList.contains("lab-present") && this.present(false),
    };
    if (!pressing) actions[" "] = () => this.toggle();
    if (event.shiftKey && this.base?.rows) actions.ArrowRight = () => this.leap();
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }

  faster(by) {
    const next = this.speedBox.selectedIndex + by;
    if (next < 0 || next >= this.speedBox.options.length) return;
    this.speedBox.selectedIndex = next;
    this.speedBox.dispatchEvent(new Event("change"));
  }

  toggleLayer(id, chip) {
    const on = this.stage.hidden.has(id);
    if (on) this.stage.hidden.delete(id); else this.stage.hidden.add(id);
    chip.setAttribute("aria-pressed", String(on));
    this.show(this.cursor);
  }

  present(on = !document.body.classList.contains("lab-present")) {
    document.body.classList.toggle("lab-present", on);
    const url = new URL(location.href);
    if (on) url.searchParams.set("present", "1"); else url.searchParams.delete("present");
    history.replaceState(history.state, "", url);
    this.scale = on ? 1.5 : 1;
    this.root.classList.toggle("presenting", on);
    this.extras.querySelector("[data-do=present]").textContent = on ? "Leave presenter mode" : "Present";
    this.restyle();
    setTimeout(() => { this.stage.resize(); this.curve.resize(); this.placeNeedle(); }, 120);
  }

  async savePicture() {
    download(await this.stage.png(), `${this.data.slug ?? "run"}-step-${this.frames[this.cursor]?.step ?? 0}.png`);
  }

  saveNumbers() {
    const names = Object.keys(this.frames[0]?.scalars ?? {});
    const rows = this.frames.map((frame) => [frame.step, frame.phase, ...names.map((name) => frame.scalars[name] ?? "")]);
    const text = [["step", "phase", ...names], ...rows].map((row) => row.join(",")).join("\n");
    const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    download(url, `${this.data.slug ?? "run"}.csv`);
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  }

  // -- points under the hand -----------------------------------------------------------------------------

  refreshTools() {
    const edit = this.data.edit;
    const names = edit ? ["pick", ...edit.tools] : [];
    const wanted = names.join();
    if (this.toolNames === wanted) return;
    this.toolNames = wanted;
    this.toolBox.replaceChildren();
    if (!edit) { this.tool = "pick"; this.stageHost.dataset.tool = "pick"; return; }
    const labels = { pick: "Pick", add: "Add points", move: "Move", erase: "Erase", means: "Move means", hide: "Hide pixels", reveal: "Show pixels" };
    for (const name of names) {
      this.toolBox.append(el("button", { type: "button", "data-tool": name, "aria-pressed": "false", onclick: () => this.useTool(name) }, labels[name]));
    }
    if (edit.tools.includes("add") || edit.tools.includes("hide")) {
      this.toolBox.append(el("button", { type: "button", "data-do": "undo", title: "Take the last change of the points back", onclick: () => this.undoEdit() }, "Undo"));
    }
    this.useTool(edit.start ?? "pick");
  }

  useTool(name) {
    this.tool = name;
    this.stageHost.dataset.tool = name;
    for (const b of this.toolBox.querySelectorAll("[data-tool]")) b.setAttribute("aria-pressed", String(b.dataset.tool === name));
  }

  spot(event) {
    const box = this.stage.plot.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  pointerDown(event) {
    if (this.base?.pixels) return this.pixelDown(event);
    const axes = this.stage.axes(), cloud = this.stage.cloud;
    if (!axes || !cloud) return;
    const [px, py] = this.spot(event);
    const hit = this.stage.pointAt(px, py);
    if (this.tool === "pick") {
      const component = this.stage.componentAt(px, py);
      if (component !== null) this.choose({ component });
      else if (hit !== null) this.choose({ point: hit });
      return;
    }
    this.stageHost.setPointerCapture(event.pointerId);
    if (this.tool === "means") { this.grabbed = this.stage.componentAt(px, py, 30); return; }
    this.keepForUndo();
    if (this.tool === "add") {
      if (cloud.x.length >= this.data.edit.max) { this.setStatus({ ...this.status, message: `The stage holds at most ${this.data.edit.max} drawn points: erase some first.` }); return; }
      this.setPoints([...cloud.x, axes.x(px)], [...cloud.y, axes.y(py)]);
      this.grabbed = this.stage.cloud.x.length - 1;
    } else if (this.tool === "move") this.grabbed = hit;
    else if (this.tool === "erase") { this.grabbed = -1; this.eraseAt(px, py); }
  }

  pointerMove(event) {
    const [px, py] = this.spot(event);
    if (this.base?.pixels) return this.pixelMove(px, py);
    if (this.grabbed === undefined || this.grabbed === null) { this.showTip(px, py); return; }
    const axes = this.stage.axes();
    if (this.tool === "erase") this.eraseAt(px, py);
    else if (this.tool === "means") {
      const marks = this.stage.drawn.find((trace) => trace.meta?.pick === "component");
      marks.x = Float32Array.from(marks.x); marks.y = Float32Array.from(marks.y);
      marks.x[this.grabbed] = axes.x(px); marks.y[this.grabbed] = axes.y(py);
      window.Plotly.react(this.stage.plot, this.stage.drawn, this.stage.layout, { staticPlot: true });
    } else {
      this.stage.cloud.x[this.grabbed] = axes.x(px);
      this.stage.cloud.y[this.grabbed] = axes.y(py);
      this.stage.paintCloud();
    }
  }

  pointerUp() {
    if (this.brushing) {
      this.brushing = false;
      this.trigger("cells", { cells: [...this.stage.hiding].sort((a, b) => a - b), nonce: Date.now() });
      return;
    }
    if (this.grabbed === undefined || this.grabbed === null) { this.grabbed = undefined; return; }
    this.grabbed = undefined;
    if (this.tool === "means") {
      const marks = this.stage.drawn.find((trace) => trace.meta?.pick === "component");
      this.trigger("means", { x: [...marks.x], y: [...marks.y], nonce: Date.now() });
    } else this.emitPoints();
  }

  eraseAt(px, py) {
    const hit = this.stage.pointAt(px, py, 18);
    if (hit === null) return;
    const { x, y } = this.stage.cloud;
    this.setPoints([...x].filter((_, i) => i !== hit), [...y].filter((_, i) => i !== hit));
  }

  setPoints(x, y) {
    this.stage.cloud.x = Float32Array.from(x);
    this.stage.cloud.y = Float32Array.from(y);
    this.stage.picked = null;
    this.stage.paintCloud();
  }

  keepForUndo() {
    this.undo.push([[...this.stage.cloud.x], [...this.stage.cloud.y]]);
    if (this.undo.length > 100) this.undo.shift();
  }

  undoEdit() {
    const kept = this.undo.pop();
    if (!kept) return;
    if (this.base.pixels) {
      this.stage.hiding = new Set(kept);
      this.stage.paintCloud();
      this.trigger("cells", { cells: kept, nonce: Date.now() });
      return;
    }
    this.setPoints(...kept);
    this.emitPoints();
  }

  emitPoints() {
    clearTimeout(this.emitTimer);
    this.emitTimer = setTimeout(() => {
      const { x, y } = this.stage.cloud;
      this.trigger("points", { x: [...x], y: [...y], nonce: Date.now() });
    }, 350);
  }

  // -- pixels under the hand: asked about, jumped to, hidden --------------------------------------------------

  pixelDown(event) {
    const [px, py] = this.spot(event), hit = this.stage.pixelAt(px, py);
    if (!hit) return;
    if (this.tool === "pick") {
      const step = this.base.pixels.steps?.[hit[1] * this.base.pixels.side + hit[2]];
      if (step > 0) { this.halt(); this.show(this.indexOf(step)); this.tell("seek"); } // to where it was drawn
      this.keptPixel = event.pointerType !== "mouse"; // a finger leaves at once; what it chose stays
      this.choosePixel(hit);
      return;
    }
    this.stageHost.setPointerCapture(event.pointerId);
    const before = this.stage.hiding ? [...this.stage.hiding] : [...(this.base.pixels.hidden ?? [])];
    this.undo.push(before);
    if (this.undo.length > 100) this.undo.shift();
    this.halt();
    this.stage.hiding = new Set(before);
    this.brushing = true;
    this.brush(hit);
  }

  pixelMove(px, py) {
    const hit = this.stage.pixelAt(px, py);
    this.pointer = [px, py];
    if (this.brushing) { if (hit) this.brush(hit); return; }
    if (this.tool !== "pick" || String(hit) === String(this.stage.pixel)) return;
    if (!hit) this.tip.hidden = true;
    this.keptPixel = false;
    this.choosePixel(hit);
  }

  brush([, row, column]) {
    const { side } = this.base.pixels;
    for (let r = Math.max(0, row - 1); r <= Math.min(side - 1, row + 1); r++) {
      for (let c = Math.max(0, column - 1); c <= Math.min(side - 1, column + 1); c++) {
        if (this.tool === "hide") this.stage.hiding.add(r * side + c);
        else this.stage.hiding.delete(r * side + c);
      }
    }
    this.stage.paintCloud();
  }

  choosePixel(hit) {
    this.stage.pixel = hit;
    if (!hit) this.stage.overlay = null;
    this.choose(hit ? { pixel: hit } : {});
  }

  showTip(px, py) {
    const cloud = this.stage.cloud;
    const tips = this.stage.picture?.tips ?? this.base?.tips; // a text for every mark that can be picked
    const mark = tips && this.tool === "pick" ? this.stage.componentAt(px, py, 22) : null;
    if (mark !== null && tips[mark] !== undefined) return this.placeTip(tips[mark], px, py);
    const hit = cloud && this.stage.pointAt(px, py, 10);
    if (hit === null || hit === undefined || this.tool !== "pick") { this.tip.hidden = true; return; }
    const mix = this.stage.picture?.cloud?.mix && this.stage.mixOf(this.stage.picture)[hit];
    const shares = mix ? [...mix].map((v, k) => [k + 1, v]).filter(([, v]) => v > 2).sort((a, b) => b[1] - a[1]).slice(0, 4)
      .map(([k, v]) => `${k}: ${Math.round((100 * v) / mix.reduce((a, b) => a + b, 0))} %`).join(", ") : "";
    const { x, y } = this.stage.places();
    this.placeTip(`point ${hit} (${x[hit].toFixed(2)}, ${y[hit].toFixed(2)})${shares ? ` · ${shares}` : ""}`, px, py);
  }

  placeTip(text, px, py) {
    this.tip.textContent = text;
    this.tip.hidden = false;
    this.tip.style.left = `${Math.max(0, Math.min(px + 14, this.stage.plot.clientWidth - this.tip.offsetWidth))}px`;
    this.tip.style.top = `${py + 14}px`;
  }

  // -- in numbers ------------------------------------------------------------------------------------------

  buildNumbers() {
    this.pointBox = el("input", { type: "number", min: 0, value: 0, "aria-label": "Point to explain", onchange: () => this.choose({ point: Math.max(0, Math.floor(Number(this.pointBox.value) || 0)) }) });
    this.componentBox = el("select", { "aria-label": "Component to explain", onchange: () => this.componentBox.value !== "" && this.choose({ component: Number(this.componentBox.value) }) });
    this.pixelBoxes = ["image", "row", "column"].map((what) => el("input", {
      type: "number", min: 1, "aria-label": `${what} of the pixel to explain`, onchange: () => {
        const values = this.pixelBoxes.map((box) => Math.min(Number(box.max), Math.max(1, Math.floor(Number(box.value) || 1))) - 1);
        this.pointer = null;
        this.keptPixel = true;
        this.choosePixel(values);
      },
    }));
    this.pixelBox = el("span", { class: "pixel", hidden: true }, "image ", this.pixelBoxes[0], " row ", this.pixelBoxes[1], " column ", this.pixelBoxes[2]);
    this.blocks = el("div", { class: "blocks", "aria-live": "polite" });
    this.numbersHost.append(
      el("div", { class: "head" }, el("strong", {}, "In numbers"), el("label", {}, "point ", this.pointBox), el("label", {}, "component ", this.componentBox), this.pixelBox),
      this.blocks);
  }

  fillPicks() {
    const count = this.base.components ?? 0;
    this.componentBox.replaceChildren(el("option", { value: "" }, "–"), ...Array.from({ length: count }, (_, k) => el("option", { value: k }, String(k + 1))));
    this.pointBox.max = Math.max(0, (this.base.points ?? 1) - 1);
    this.pointBox.parentElement.hidden = !this.base.points;
    this.componentBox.parentElement.hidden = !count;
    this.componentBox.parentElement.firstChild.textContent = `${this.base.component_label ?? "component"} `;
    this.componentBox.value = this.pick.component ?? "";
    this.pointBox.value = this.pick.point ?? "";
    const pixels = this.base.pixels;
    this.pixelBox.hidden = !pixels;
    this.rowButton.hidden = !this.base.rows;
    this.pixelBoxes.forEach((box, i) => {
      box.max = pixels ? (i ? pixels.side : pixels.n) : 1;
      if (document.activeElement !== box) box.value = this.pick.pixel ? this.pick.pixel[i] + 1 : "";
    });
  }

  choose(pick) {
    if (pick.point !== undefined) pick.point = Math.min(pick.point, Number(this.pointBox.max));
    this.pick = pick;
    this.stage.picked = pick.point ?? null;
    this.fillPicks();
    this.stage.paintCloud();
    this.asking = null;
    this.askNumbers();
  }

  askNumbers() {
    if (!this.data.numbers || this.numbersTimer) return;
    const ask = () => {
      this.numbersTimer = null;
      const step = this.frames[this.cursor]?.step ?? 0;
      const question = JSON.stringify([this.token, step, this.pick]);
      if (question === this.asking) return;
      this.asking = question;
      this.send({ do: "explain", step, pick: this.pick });
    };
    this.numbersTimer = setTimeout(ask, this.playing ? 250 : 30);
  }

  showNumbers({ step, blocks, overlay, tip, traces }) {
    this.blocks.dataset.step = step;
    if (this.base.pixels) {
      this.stage.overlay = this.stage.pixel ? overlay ?? null : null;
      const asked = this.stage.pixel ? traces ?? null : null;
      if (asked || this.stage.asked) { this.stage.asked = asked; this.show(this.cursor); }
      else this.stage.paintCloud();
      if (tip && this.stage.pixel && this.pointer) this.placeTip(tip, ...this.pointer);
      else this.tip.hidden = true;
    }
    this.blocks.replaceChildren(...blocks.map((block) => {
      if (block.math) { const div = el("div", { class: "math" }); div.innerHTML = block.math; return div; }
      if (block.table) {
        const [head, ...rows] = block.table;
        return el("table", {}, el("thead", {}, el("tr", {}, ...head.map((cell) => el("th", {}, cell)))),
          el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((cell) => el("td", {}, String(cell)))))));
      }
      return el("p", {}, block.text ?? "");
    }));
  }

  dispose() {
    this.disposed = true;
    this.playing = false; // not through refresh: `places` remembers that it was playing
    document.body.classList.remove("lab-present");
    document.removeEventListener("keydown", this.onKey);
    window.removeEventListener("lab:group", this.onGroup);
    this.resizer?.disconnect();
    this.socket?.close();
    this.stage?.dispose();
    this.curve?.dispose();
    this.root?.remove();
  }
}

function download(url, name) {
  const link = el("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
}
