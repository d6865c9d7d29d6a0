// What a viewer takes along: the picture, the numbers, the run as a film, its weights, and the code of a step.

import { html, nothing } from "./vendor/lit-html.js";

const MOST = 100; // pictures of a film: more are thinned evenly
const PACE = 80; // milliseconds a picture
const WIDTH = 720; // pixels of a film

export class Saving {
  constructor(player) {
    this.player = player;
    this.busy = null; // {done, of, cancelled} while a film is made
    this.open = null; // the code that is shown
  }

  name(end) { return `${this.player.data.slug ?? "run"}${end}`; }

  async picture() {
    if (!this.player.shown) throw new Error("there is no picture yet");
    const sheet = await this.player.stage.image(2);
    download(sheet.toDataURL("image/png"), this.name(`-step-${this.player.walk.step}.png`));
  }

  table() {
    const { frames } = this.player.walk.film, names = Object.keys(frames[0]?.scalars ?? {});
    const rows = frames.map((frame) => [frame.step, frame.phase, ...names.map((name) => frame.scalars[name] ?? "")]);
    save(new Blob([[["step", "phase", ...names], ...rows].map((row) => row.join(",")).join("\n")], { type: "text/csv" }), this.name(".csv"));
  }

  /** Every picture of the film in turn, drawn small with its caption; `take(canvas)` keeps it. */
  async film(take) {
    const { player } = this, { frames } = player.walk.film, { stage } = player;
    const chosen = frames.length <= MOST ? frames : Array.from({ length: MOST }, (_, i) => frames[Math.round((i * (frames.length - 1)) / (MOST - 1))]);
    player.walk.halt();
    await player.painting;
    const ratio = Math.min(1, WIDTH / player.stageHost.clientWidth), foot = 26;
    const sheet = document.createElement("canvas");
    this.busy = { done: 0, of: chosen.length };
    try {
      for (const frame of chosen) {
        if (this.busy.cancelled) return false;
        await stage.draw(frame);
        const image = await stage.image(ratio);
        if (!sheet.width || sheet.width !== image.width) Object.assign(sheet, { width: image.width & ~1, height: (image.height + foot) & ~1 });
        const pen = sheet.getContext("2d", { willReadFrequently: true });
        pen.fillStyle = stage.look.colour("@ground");
        pen.fillRect(0, 0, sheet.width, sheet.height);
        pen.drawImage(image, 0, 0);
        Object.assign(pen, { fillStyle: stage.look.colour("@text"), font: "13px sans-serif", textBaseline: "middle" });
        pen.fillText(`step ${frame.step}. ${frame.caption ?? ""}`, 6, sheet.height - foot / 2, sheet.width - 12);
        await take(sheet);
        this.busy.done += 1;
        player.render();
        await new Promise((done) => setTimeout(done));
      }
      return true;
    } finally {
      this.busy = null;
      player.render();
      player.show();
    }
  }

  async gif() {
    const { GIFEncoder, quantize, applyPalette } = await import("./vendor/gifenc.js");
    const gif = GIFEncoder();
    let palette = null, before = null;
    const whole = await this.film((sheet) => {
      const { data } = sheet.getContext("2d").getImageData(0, 0, sheet.width, sheet.height);
      palette = quantize(data, 256, { format: "rgb444" });
      before = applyPalette(data, palette, "rgb444");
      gif.writeFrame(before, sheet.width, sheet.height, { palette, delay: PACE });
    });
    gif.finish();
    if (whole) save(new Blob([gif.bytes()], { type: "image/gif" }), this.name(".gif"));
  }

  async video() {
    const type = ["video/mp4", "video/webm"].find((kind) => window.MediaRecorder?.isTypeSupported(kind));
    if (!type) throw new Error("this browser records no video; a GIF can be saved");
    const parts = [];
    let recorder = null, track = null, due = 0;
    const whole = await this.film(async (sheet) => {
      if (!recorder) {
        const stream = sheet.captureStream(0);
        [track] = stream.getVideoTracks();
        recorder = new MediaRecorder(stream, { mimeType: type, videoBitsPerSecond: 4e6 });
        recorder.ondataavailable = ({ data }) => parts.push(data);
        recorder.start();
        due = performance.now();
      }
      track.requestFrame();
      due = Math.max(due + PACE, performance.now());
      await new Promise((done) => setTimeout(done, due - performance.now())); // a recorder keeps the clock's time
    });
    if (!recorder) return;
    await new Promise((done) => { recorder.onstop = done; recorder.stop(); });
    if (whole) save(new Blob(parts, { type }), this.name(`.${type.split("/")[1]}`));
  }

  weights() {
    const { data, token } = this.player;
    download(new URL(`${data.root}lab/weights/${token}`, document.baseURI), this.name(".npz"));
  }

  progress() {
    const { done, of } = this.busy;
    return html`Saving picture ${done} of ${of} <progress max=${of} value=${done}></progress>
      <button type="button" data-do="cancel" @click=${() => { this.busy.cancelled = true; }}>Cancel</button>`;
  }

  // -- the code of a step --------------------------------------------------------------------------------

  askCode() {
    this.player.walk.halt();
    this.player.link.send({ do: "code", step: this.player.walk.step });
  }

  showCode({ text, step }) {
    this.open = { text, step };
    this.player.render();
    this.player.root.querySelector(".code button")?.focus();
  }

  closeCode() {
    this.open = null;
    this.player.render();
  }

  dialog() {
    if (!this.open) return nothing;
    const { text, step } = this.open;
    return html`<div class="code" role="dialog" aria-label="Code of this step"><div class="head">
      <strong>Step ${step} in Python, from the project's folder</strong>
      <button type="button" @click=${() => navigator.clipboard?.writeText(text)}>Copy</button>
      <button type="button" data-do="close" @click=${() => this.closeCode()}>Close</button></div>
      <pre translate="no" tabindex="0">${text}</pre></div>`;
  }
}

function save(blob, name) {
  const url = URL.createObjectURL(blob);
  download(url, name);
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

function download(url, name) {
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
}
