// "In numbers": the step under the scrubber, worked out. Asked of the server one question at a time, always about
// the newest step; while the answer lags the panel is dimmed and says which step it speaks of.

import { typeset } from "./values.js";
import { html, nothing } from "./vendor/lit-html.js";

export class Numbers {
  constructor(player) {
    this.player = player;
    this.pick = {};
    this.blocks = [];
    this.step = null;
  }

  restart(base) {
    this.pick = base.pick ?? { point: 0 };
    this.asked = this.waiting = this.due = null;
    const { figure } = this.player.stage;
    if (figure) Object.assign(figure, { picked: this.pick.point ?? null, pixel: this.pick.pixel ?? null, overlay: null, hiding: null, asked: null });
  }

  /** Ask about another point, component, pixel or cell. */
  choose(pick) {
    const { figure } = this.player.stage;
    if (pick.point !== undefined) pick.point = Math.min(pick.point, Math.max(0, (this.player.base.points ?? 1) - 1));
    this.pick = pick;
    if (figure) {
      figure.picked = pick.point ?? null;
      figure.paintCloud();
    }
    this.asked = null;
    this.player.render();
    this.ask();
  }

  choosePixel(hit) {
    const { figure } = this.player.stage;
    figure.pixel = hit;
    if (!hit) figure.overlay = null;
    this.choose(hit ? { pixel: hit } : {});
  }

  ask() {
    const { player } = this;
    if (!player.data.numbers || this.timer) return;
    if (this.waiting && performance.now() - this.waiting < 3000) { this.again = true; return; }
    this.timer = setTimeout(() => {
      this.timer = null;
      const { step } = player.walk, question = JSON.stringify([player.token, step, this.pick]);
      if (question === this.asked) return;
      this.asked = question;
      this.waiting = performance.now();
      player.link.send({ do: "explain", step, pick: this.pick });
    }, player.walk.playing ? 250 : 20);
  }

  show({ step, blocks, overlay, tip, traces }) {
    const { player } = this, { figure } = player.stage;
    this.waiting = null;
    Object.assign(this, { step, blocks });
    if (player.base.pixels && figure) {
      figure.overlay = figure.pixel ? overlay ?? null : null;
      const asked = figure.pixel ? traces ?? null : null;
      if (asked || figure.asked) { figure.asked = asked; player.show(); }
      else figure.paintCloud();
      if (tip && figure.pixel && player.tools.pointer) player.tools.place(tip, ...player.tools.pointer);
      else player.tools.hideTip();
    }
    player.render();
    this.fit();
    this.mark();
    if (this.again) {
      this.again = false;
      this.ask();
    }
  }

  /** A formula wider than the panel goes on in another line; what is still wider, or a table, is set smaller, to seven
   * tenths; what is wider than that scrolls. */
  fit() {
    const wide = [...(this.player.numbersHost?.querySelectorAll(".math, .table") ?? [])];
    for (const box of wide) box.style.fontSize = "";
    for (const signs of ["=≈", "+−-"]) for (const box of wide) if (box.scrollWidth > box.clientWidth) part(box, signs);
    const shares = wide.map((box) => box.clientWidth / box.scrollWidth); // read all, then write: one layout, not one a formula
    // A formula is 1.08 em to begin with, a table 1 em.
    wide.forEach((box, i) => { if (shares[i] < 1) box.style.fontSize = `${Math.max(0.7, (box.matches(".math") ? 1.06 : 0.98) * shares[i])}em`; });
    if (document.fonts.status === "loading") document.fonts.ready.then(() => this.fit()); // formulas take another width in their own font
  }

  /** Say whether the numbers are those of the picture. */
  mark() {
    const { root, shown, numbersHost: host } = this.player;
    if (!host || this.step === null) return;
    const behind = Boolean(shown) && this.step !== shown.step && this.step >= 0;
    Object.assign(root.dataset, { numbersStep: this.step, behind: behind ? "numbers" : "" });
    host.classList.toggle("behind", behind);
    const stamp = host.querySelector(".stamp");
    if (stamp) stamp.textContent = behind ? `of step ${this.step}` : "";
  }

  /** Whether the pixel asked about is one that was drawn, and may be drawn anew. */
  rerolls({ steps, side }) {
    const { pixel } = this.pick;
    return Boolean(pixel && this.player.data.reroll && steps?.[pixel[1] * side + pixel[2]] > 0);
  }

  view() {
    const { base, tools } = this.player, count = base?.components ?? 0, pixels = base?.pixels;
    const whole = (event, most) => Math.min(most, Math.max(0, Math.floor(Number(event.target.value) || 0)));
    const boxes = () => [...this.player.root.querySelectorAll(".pixel input")];
    return html`<div class="head"><strong>In numbers</strong><span class="stamp"></span>
        <label ?hidden=${!base?.points}>point <input type="number" min="0" max=${Math.max(0, (base?.points ?? 1) - 1)} .value=${String(this.pick.point ?? "")} aria-label="Point to explain"
          @change=${(event) => this.choose({ point: whole(event, Infinity) })}></label>
        <label ?hidden=${!count}>${base?.component_label ?? "component"} <select aria-label="Component to explain"
          @change=${(event) => event.target.value !== "" && this.choose({ component: Number(event.target.value) })}>
          <option value="" ?selected=${this.pick.component === undefined}>–</option>
          ${Array.from({ length: count }, (_, k) => html`<option value=${k} ?selected=${this.pick.component === k}>${k + 1}</option>`)}</select></label>
        ${pixels ? html`<span class="pixel">${["image", "row", "column"].map((what, i) => html`${what} <input type="number" min="1" max=${i ? pixels.side : pixels.n}
          .value=${this.pick.pixel ? String(this.pick.pixel[i] + 1) : ""} aria-label=${`${what} of the pixel to explain`} @change=${() => {
            tools.pointer = null;
            tools.keptPixel = true;
            this.choosePixel(boxes().map((box) => Math.min(Number(box.max), Math.max(1, Math.floor(Number(box.value) || 1))) - 1));
          }}> `)}${this.rerolls(pixels) ? html`<button type="button" data-do="reroll" title="Draw this pixel and all after it anew, beside this run"
            @click=${() => this.player.fork({ pixel: this.pick.pixel })}>Re-roll from this pixel</button>` : nothing}</span>` : nothing}
      </div>
      <div class="blocks" aria-live="polite" data-step=${this.step ?? nothing}>${this.blocks.map(block)}</div>`;
  }
}

/** Part the formulas of a box before these signs, and at wide spaces: what follows goes on in the next line where it must. */
function part(box, signs) {
  for (const math of box.querySelectorAll("math")) {
    const row = math.children.length === 1 && math.firstElementChild.localName === "mrow" ? math.firstElementChild : math;
    const pieces = [[]];
    for (const child of [...row.childNodes]) {
      const sign = child.localName === "mo" && child.textContent && signs.includes(child.textContent);
      const space = child.localName === "mspace" && parseFloat(child.getAttribute("width")) >= 1;
      if ((sign || space) && pieces.at(-1).length > 1) pieces.push([]); // no piece of a name, or a sign, alone
      if (!space) pieces.at(-1).push(child);
    }
    math.replaceWith(...pieces.flatMap((piece) => {
      const one = math.cloneNode(false);
      one.append(...piece);
      return [one, " "];
    }));
  }
}

function block({ math, table, text }) {
  if (math) return html`<div class="math" translate="no" .innerHTML=${math}></div>`;
  if (!table) return html`<p>${typeset(text)}</p>`;
  const [head, ...rows] = table;
  return html`<div class="table"><table><thead><tr>${head.map((cell) => html`<th>${typeset(cell)}</th>`)}</tr></thead>
    <tbody>${rows.map((row) => html`<tr>${row.map((cell) => html`<td>${typeset(cell)}</td>`)}</tr>`)}</tbody></table></div>`;
}
