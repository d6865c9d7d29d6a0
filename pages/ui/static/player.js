// The player: shows one run, plays and scrubs it in the browser, and asks the server for more.
//
// Frames arrive over a socket and stay here, so playing, stepping back and scrubbing cost the server nothing.
// walk.js knows where the viewer is, stage.js draws it, view.js holds the markup; here they are tied together.
// The root element says what it shows: data-frame, data-frames, data-playing, data-painted, data-state, and the
// steps of the picture (data-step), its caption (data-caption-step) and its numbers (data-numbers-step).

import { Curve } from "./curve.js";
import { onKey, onKeyUp } from "./keys.js";
import { Link } from "./link.js";
import { Numbers } from "./numbers.js";
import { wants } from "./presenter.js";
import { Saving } from "./save.js";
import { Stage } from "./stage.js";
import { Tools } from "./tools.js";
import { typeset } from "./values.js";
import { render } from "./vendor/lit-html.js";
import { view } from "./view.js";
import { Walk } from "./walk.js";

const PAUSE_HIDDEN = 10000; // milliseconds that a run goes on in a tab that nobody sees
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

/** The font of formulas. It is the document's: a shadow root has no fonts of its own. */
function loadMathFont({ root, version }) {
  if ([...document.fonts].some((font) => font.family === "Lab Math")) return;
  document.fonts.add(new FontFace("Lab Math", `url(${new URL(`${root}lab/static/${version}/vendor/lab-math.woff2`, document.baseURI)})`));
}

class Player {
  constructor(host) {
    this.host = host;
    this.painted = 0;
    this.curveChoice = 0;
    this.scale = 1;
    this.menu = false;
    this.link = new Link({
      address: (after) => {
        const url = new URL(`${this.data.root}lab/run/${this.token}?after=${after}`, document.baseURI);
        url.protocol = url.protocol.replace("http", "ws");
        return url;
      },
      heard: (message) => this.receive(message),
      lost: () => this.say("The connection to the server is lost; trying again."),
    });
    this.walk = new Walk({ send: (command) => this.link.send(command), moved: () => this.moved() });
  }

  // -- what the page says -------------------------------------------------------------------------

  update(component) {
    const { data } = component, first = !this.root;
    this.trigger = component.setTriggerValue;
    this.data = data;
    if (first) this.build();
    this.walk.background = data.background;
    this.loadPlotly().catch(() => this.say("The drawing library could not be loaded: reload the page."));
    this.tools.offer(data.edit);
    if (data.token !== this.token) this.connect(data.token);
    else if (this.base) this.restyle();
    if (wants() && first) this.present(true);
    // A live change of a setting shows from the newest step on.
    if (!first && data.go !== this.go && data.token === this.token && this.walk.film.length) {
      this.walk.to(this.walk.last);
      if (this.walk.over) this.walk.status.state = "paused";
      this.walk.play();
    }
    this.go = data.go;
  }

  build() {
    const { data } = this;
    loadMathFont(data);
    this.walk.clock.speed = data.speed === "max" ? null : data.speed ?? 4;
    this.root = this.host.appendChild(document.createElement("div"));
    this.root.className = "lab";
    Object.assign(this.root.dataset, { frame: -1, frames: 0, playing: "false", painted: 0, state: "connecting" });
    this.tools = new Tools(this);
    this.numbers = new Numbers(this);
    this.saving = new Saving(this);
    this.render();
    for (const name of ["stage", "caption", "notice", "tip", "curve", "numbers", "scrub", "counter"]) this[`${name}Host`] = this.root.querySelector(`.${name}`);
    this.stage = new Stage(this.stageHost, data.palette, {
      say: (text, event) => this.tools.say(text, event),
      choose: (pick, send) => {
        this.numbers.choose(pick);
        if (send) this.trigger("cells", { cells: [pick.cell], step: this.walk.step, nonce: Date.now() });
      },
    });
    this.curve = new Curve(this.curveHost, data.palette);
    for (const layer of data.layers ?? []) if (layer.on === false) this.stage.hidden.add(layer.id);
    this.tools.listen(this.stageHost);
    this.curveHost.addEventListener("pointerdown", (event) => this.scrubCurve(event));
    this.curveHost.addEventListener("pointermove", (event) => event.buttons && this.scrubCurve(event));
    this.ending = new AbortController();
    const { signal } = this.ending;
    document.addEventListener("keydown", (event) => onKey(this, event), { signal });
    document.addEventListener("keyup", (event) => onKeyUp(this, event), { signal });
    document.addEventListener("pointerdown", (event) => {
      this.pointed = true;
      if (this.menu && !event.composedPath().some((node) => node.classList?.contains("menu"))) this.openMenu(false);
    }, { signal, capture: true });
    document.addEventListener("visibilitychange", () => this.tabSeen(!document.hidden), { signal });
    window.addEventListener("lab:present", (event) => this.presented(event.detail), { signal });
    window.addEventListener("lab:group", (event) => this.hear(event.detail), { signal });
    window.addEventListener("resize", () => {
      this.fill();
      if (this.root.classList.contains("presenting")) this.enlarge();
    }, { signal });
    // Every change of size draws everything anew: a paused run has no next picture that would do it.
    this.resizer = new ResizeObserver(() => {
      clearTimeout(this.resizeTimer);
      this.resizeTimer = setTimeout(() => this.resized(), 60);
    });
    for (const element of [this.stageHost, this.curveHost]) this.resizer.observe(element);
    this.filler = new ResizeObserver(() => this.fill());
    const block = document.querySelector('[data-testid="stMainBlockContainer"]');
    if (block) this.filler.observe(block);
    this.fill();
  }

  /** As high as the window has room below what stands above; a phone's page scrolls instead. */
  fill() {
    const box = this.root.getBoundingClientRect(), scroller = document.querySelector('[data-testid="stMain"]');
    const top = box.top + (scroller?.scrollTop ?? 0), room = window.innerHeight - top - 4;
    const least = box.width < 560 || this.root.classList.contains("presenting") ? 0 : 380;
    const height = `${Math.max(least, Math.floor(room))}px`;
    if (this.root.style.getPropertyValue("--room") !== height) this.root.style.setProperty("--room", height);
  }

  /** Words, curve and numbers stand below a sheet of images where that makes it much larger (presented: larger), else
   * beside it; presented, words without a curve stand below, or beside it where that makes it larger. */
  lay() {
    const sheet = this.stage.views.get("images"), grid = this.root.querySelector(".grid:not(.alone)"), { frame } = this.walk;
    this.place = this.base.below ? "below" : "";
    const narrow = this.root.clientWidth <= 700 && !this.root.classList.contains("presenting");
    const alone = sheet && frame?.images && this.stage.views.size === 1;
    Object.assign(this.stageHost.style, narrow && alone ? sheet.tall(frame, this.stageHost.clientWidth) : { height: "", maxHeight: "" });
    if (this.place || !grid || !alone) return;
    const presented = this.root.classList.contains("presenting"), gain = presented ? 1.02 : 1.25;
    const other = presented && grid.classList.contains("nocurve") ? "aside" : "below";
    grid.classList.remove("below", "aside");
    const area = () => sheet.area(frame, this.stageHost.clientWidth, this.stageHost.clientHeight), usual = area();
    grid.classList.add(other);
    if (area() > gain * usual) this.place = other;
    else grid.classList.remove(other);
  }

  resized() {
    if (!this.styled || this.disposed) return;
    this.lay();
    this.stage.resize();
    this.curve.resize();
    this.placeNeedle();
    this.numbers.fit();
  }

  render() {
    render(view(this), this.root);
    this.afterRender();
  }

  /** What lit-html cannot know: the hand may have moved these since they were last rendered. */
  afterRender() {
    if (!this.scrubHost) return;
    const { walk } = this;
    this.scrubHost.max = Math.max(0, walk.last);
    this.scrubHost.value = Math.max(0, walk.cursor);
    const speed = this.root.querySelector(".speed");
    if (speed) speed.value = walk.clock.speed === null ? "max" : String(walk.clock.speed);
  }

  // -- the socket -----------------------------------------------------------------------------------

  connect(token) {
    this.token = token;
    this.pending = true; // the old picture stays until the new run's first one
    this.gone = false;
    this.walk.sentSpeed = undefined;
    this.toldStep = null;
    this.link.open(() => (this.pending ? -1 : this.walk.film.last?.step ?? -1));
  }

  receive(message) {
    if (message.type === "gone") {
      this.link.close();
      this.trigger("gone", { token: this.token, nonce: Date.now() });
    } else if (message.type === "hello") this.hello(message);
    else if (message.type === "frames") this.arrive(message);
    else if (message.type === "numbers") this.numbers.show(message);
    else if (message.type === "code") this.saving.showCode(message);
    else if (message.type === "error") this.say(message.message);
  }

  async hello(message) {
    this.base = message.base;
    this.place = this.base.below ? "below" : "";
    if (this.pending) {
      this.walk.restart();
      this.rival = null;
      this.tools.restart();
      this.numbers.restart(this.base);
    }
    this.styled = false;
    this.walk.status = message.status;
    this.render();
    await this.loadPlotly();
    this.restyle();
  }

  async loadPlotly() {
    if (window.Plotly) return;
    window.labPlotly ??= new Promise((done, fail) => {
      const src = new URL(`${this.data.root}lab/static/${this.data.version}/vendor/plotly-cartesian.min.js`, document.baseURI);
      document.head.append(Object.assign(document.createElement("script"), { src, onload: done, onerror: fail }));
    });
    await window.labPlotly;
  }

  restyle() {
    if (!window.Plotly || !this.base) return;
    this.stage.setBase(this.base, this.scale);
    const sets = this.base.curve_sets ?? [];
    if (this.curveChoice >= sets.length) this.curveChoice = 0;
    this.curve.setBase({ ...this.base, ...sets[this.curveChoice] }, this.scale);
    this.styled = true;
    this.curveStale = true;
    this.render();
    if (this.walk.cursor >= 0) this.show();
    this.tick();
  }

  arrive({ frames, status }) {
    const { walk } = this, opening = this.pending && frames.length > 0;
    if (opening) this.pending = false;
    const waited = walk.waiting, came = walk.arrive(frames, status);
    this.notePaused(status);
    // A setting that needs another run closes this one before the other comes: what stays closed is said to be so.
    if (status.state !== "closed") this.closedAt = null;
    else if (!this.closedAt) {
      this.closedAt = performance.now();
      setTimeout(() => this.disposed || this.render(), 1600);
    }
    if (came) this.curveStale = true;
    if (opening) this.open();
    else if (waited && !walk.waiting) this.tell("seek");
    this.refresh();
    this.tick();
    if (came) this.tell("curve");
  }

  open() {
    const { walk } = this, place = places.get(this.token);
    const wanted = place?.step ?? this.data.open; // a step, "start" or "end"
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    walk.to(typeof wanted === "number" ? walk.film.indexOf(wanted) : wanted === "end" ? walk.last : 0);
    if (this.data.lead === false) this.tell("seek"); // a fork's past and the run that it left start together
    if (place ? place.playing : this.data.autoplay && !still) {
      walk.play();
      if (this.data.lead === false) this.tell("play");
    }
  }

  /** A sentence under the stage; "" for what the state of the run says. */
  say(text = "") {
    this.said = text;
    this.render();
  }

  get notice() {
    const { status } = this.walk;
    const sentences = {
      queued: `Waiting for a free processor: ${status.ahead} ${status.ahead === 1 ? "run comes" : "runs come"} first.`,
      stopped: "This run was ended; its history stays here. Start it again with Restart.",
      closed: performance.now() - this.closedAt > 1500 ? "This run has ended. Start it again with Restart." : "",
    };
    return this.said || status.message || sentences[status.state] || "";
  }

  notePaused(status) {
    if (this.said && status.state === "playing") this.said = "";
  }

  tabSeen(seen) {
    clearTimeout(this.hiddenTimer);
    if (seen) {
      if (this.pausedHidden) this.say("The run was paused while this tab was out of sight. Press play to go on.");
      this.pausedHidden = false;
    } else if (this.walk.playing) {
      this.hiddenTimer = setTimeout(() => {
        this.pausedHidden = this.walk.playing;
        this.walk.halt();
      }, PAUSE_HIDDEN);
    }
  }

  // -- moving through the frames --------------------------------------------------------------------

  toggle() {
    this.said = "";
    this.tell(this.walk.toggle() ? "play" : "halt");
  }

  seek(index) {
    this.walk.seek(index);
    this.tell("seek");
  }

  forward() {
    const before = this.walk.cursor;
    this.walk.forward();
    if (this.walk.cursor !== before) this.tell("seek");
  }

  leap() { this.walk.leap(this.base?.rows ?? []); }

  setSpeed(speed) {
    this.walk.setSpeed(speed);
    this.render();
    this.tick();
  }

  /** walk.js has gone somewhere, or plays, or has halted. */
  moved() {
    if (!this.root) return;
    if (this.walk.frame !== this.drawing) this.show(); // the picture first, then the curve
    this.refresh();
    this.tick();
  }

  /** Keep the pictures coming while playing: one loop on the screen's own clock. */
  tick() {
    if (!this.walk.playing || this.ticking || this.pending || !this.styled || this.saving?.busy) return;
    this.ticking = requestAnimationFrame(async () => {
      await this.painting; // before more is asked for: the first picture does not share the processor with the engine
      this.walk.tick(performance.now());
      this.ticking = null;
      // With nothing to show the next picture's arrival goes on: sixty looks a second would cost the engine its time.
      if (this.walk.last > this.walk.cursor || this.walk.over) this.tick();
    });
  }

  /** Draw the frame under the cursor; while one is being painted only the latest wish is kept. */
  show() {
    if (!this.styled || !this.walk.film.length || this.saving.busy) return null;
    if (this.painting) this.again = true;
    else this.painting = this.paint().finally(() => { this.painting = null; });
    return this.painting;
  }

  async paint() {
    do {
      this.again = false;
      const { frame } = this.walk;
      if (!frame) break;
      const same = frame === this.shown;
      this.drawing = frame;
      if (this.laid !== this.base) this.lay();
      this.laid = this.base;
      await this.stage.draw(frame);
      this.shown = frame;
      this.captionHost.textContent = typeset(frame.caption);
      this.captionHost.dataset.phase = frame.phase;
      this.stageHost.setAttribute("aria-label", frame.alt ?? frame.caption ?? "");
      this.painted += 1;
      Object.assign(this.root.dataset, {
        painted: this.painted, frame: this.walk.film.indexOf(frame.step), step: frame.step, captionStep: frame.step,
      });
      this.numbers.mark();
      this.numbers.ask();
      await this.drawCurve();
      this.placeNeedle();
      if (!same) this.tellPlace();
    } while (this.again);
  }

  /** The server is told which step is under the scrubber: its questions and controls speak of that one. */
  tellPlace() {
    const tell = () => {
      this.placeTimer = null;
      if (this.walk.step !== this.toldStep) this.link.send({ do: "at", step: this.toldStep = this.walk.step });
    };
    if (this.toldStep === null) tell(); // the first picture: the server sends what comes below it
    else this.placeTimer ??= setTimeout(tell, this.walk.playing ? 300 : 40);
  }

  async drawCurve() {
    const now = performance.now();
    if (!this.curveStale || (this.walk.playing && now - (this.curveDrawn ?? 0) < 300)) return;
    this.curveStale = false;
    this.curveDrawn = now;
    await this.curve.draw(this.walk.film.frames, this.rival);
  }

  placeNeedle() {
    if (this.shown) this.curve.point(this.shown.step);
  }

  /** What the transport shows. */
  refresh() {
    const { root, walk } = this;
    if (walk.cursor >= 0 && !this.pending) {
      places.set(this.token, { step: walk.step, playing: walk.playing });
      if (places.size > 50) places.delete(places.keys().next().value);
    }
    if (!this.painted) root.dataset.frame = walk.cursor;
    Object.assign(root.dataset, { frames: walk.film.length, playing: String(walk.playing), state: walk.status.state });
    this.render();
    this.numbers.mark();
    if (!walk.playing && this.curveStale && this.styled && !this.painting && walk.film.length) {
      this.drawCurve().then(() => this.placeNeedle());
    }
  }

  scrubCurve(event) {
    const box = this.curveHost.getBoundingClientRect(), step = this.curve.stepAt(event.clientX - box.left);
    if (step !== null && this.walk.film.length) this.seek(this.walk.film.indexOf(Math.round(step)));
  }

  // -- two players side by side ----------------------------------------------------------------------

  tell(what) {
    if (!this.data.group || this.deaf) return;
    const detail = { group: this.data.group, from: this, what, step: this.walk.step };
    if (what === "curve") {
      if (this.data.lead) return;
      const scalar = this.curve.curves?.[0]?.scalar;
      detail.scalar = scalar;
      detail.curve = scalar ? this.walk.film.frames.map((frame) => [frame.step, frame.scalars[scalar] ?? null]) : [];
    }
    window.dispatchEvent(new CustomEvent("lab:group", { detail }));
  }

  hear({ group, from, what, step, curve, scalar }) {
    if (group !== this.data.group || from === this) return;
    this.deaf = true;
    if (what === "seek" && this.walk.film.length) this.walk.seek(this.walk.film.indexOf(step));
    else if (what === "play") this.walk.play();
    else if (what === "halt") this.walk.halt();
    else if (what === "curve" && this.data.lead && scalar === this.curve.curves?.[0]?.scalar) {
      this.rival = curve;
      this.curveStale = true;
      this.refresh();
    }
    this.deaf = false;
  }

  // -- layers, menu, presenter mode ---------------------------------------------------------------------

  toggleLayer(id) {
    if (!this.stage.hidden.delete(id)) this.stage.hidden.add(id);
    this.render();
    this.show();
  }

  openMenu(open = !this.menu) {
    this.menu = open;
    this.render();
  }

  /** Carry out an item of the menu. */
  async pickItem(action) {
    this.said = "";
    this.openMenu(false);
    try {
      await action();
    } catch (error) {
      this.say(`That did not work: ${error.message}.`);
    }
  }

  fork(extra = {}) {
    this.walk.halt();
    this.trigger("fork", { step: this.walk.step, nonce: Date.now(), ...extra });
  }

  stop() {
    this.walk.halt();
    this.link.send({ do: "stop" });
  }

  present(on = !document.body.classList.contains("lab-present")) {
    document.body.classList.toggle("lab-present", on);
    document.body.classList.remove("lab-control");
    wants(on);
    window.dispatchEvent(new CustomEvent("lab:present", { detail: on })); // every player on the page, this one too
  }

  presented(on) {
    this.root.classList.toggle("presenting", on);
    this.root.classList.remove("numbers-open");
    this.fill();
    this.enlarge();
  }

  /** Presented, type is readable from the last row, and at a zoom of 200 % (a window half as wide) still in its place:
   * always the same share of the height. */
  enlarge() {
    const presenting = this.root.classList.contains("presenting"), before = this.scale;
    this.scale = presenting ? Math.max(1, Math.min(1.4, window.innerWidth / 800, window.innerHeight / 640)) : 1;
    this.root.style.setProperty("--scale", this.scale);
    if (this.scale !== before) this.restyle();
  }

  dispose() {
    this.disposed = true;
    this.walk.playing = false; // not through refresh: `places` remembers that it was playing
    document.body.classList.remove("lab-present", "lab-control");
    for (const timer of [this.hiddenTimer, this.placeTimer, this.resizeTimer]) clearTimeout(timer);
    this.ending?.abort();
    this.resizer?.disconnect();
    this.filler?.disconnect();
    this.link.close();
    this.stage?.dispose();
    this.curve?.dispose();
    this.root?.remove();
  }
}
