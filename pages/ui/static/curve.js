// The curves beside the stage: named scalars over the steps, with a needle at the step that is shown.

import { colourOf, inLines, isDark } from "./values.js";

export class Curve {
  constructor(host, palette) {
    this.host = host;
    this.palette = palette;
    this.plot = host.appendChild(document.createElement("div"));
    this.plot.className = "plot";
    this.needle = host.appendChild(document.createElement("div"));
    this.needle.className = "needle";
  }

  setBase(base, scale) {
    this.curves = base.curves ?? [];
    this.label = base.curve_label ?? "";
    this.mark = base.curve_mark; // {value, text}: a level worth knowing
    this.steps = base.curve_step ?? (base.curve_log ? "step + 1" : "step"); // what the steps are called
    this.names = base.curve_ticks; // what each step is called, in place of its number
    this.log = Boolean(base.curve_log); // steps on a logarithmic axis, where they are recorded so: step 0 at 1
    this.scale = scale;
    this.host.hidden = !this.curves.length;
    this.last = null; // what was drawn: the frames, and those beside
  }

  /** One drawing at a time: two at once, of two sizes, would leave axes of the one and curves of the other. */
  async draw(...what) {
    if (!this.curves.length) return;
    this.last = this.due = what;
    this.drawing ??= (async () => {
      try {
        while (this.due) {
          const { due } = this;
          this.due = null;
          await this.plotted(...due);
        }
      } finally {
        this.drawing = null;
      }
    })();
    await this.drawing;
  }

  async plotted(frames, rival) {
    if (!this.plot.clientWidth || !this.plot.clientHeight) return; // it is left out here; `resize` draws it where it is not
    const colour = colourOf(this.palette, isDark(this.host));
    const steps = frames.map((frame) => this.place(frame.step));
    const traces = this.curves.map((curve) => ({
      type: "scatter", mode: frames.length < 60 ? "lines+markers" : "lines", name: curve.name,
      x: steps, y: frames.map((frame) => frame.scalars[curve.scalar] ?? null),
      line: { color: colour(curve.colour), width: 2.5, dash: curve.dash ?? "solid" },
      marker: { size: 5, symbol: curve.symbol ?? "circle" },
    }));
    if (rival?.length) {
      traces.push({
        type: "scatter", mode: "lines", name: "the one beside", x: rival.map((p) => this.place(p[0])), y: rival.map((p) => p[1]),
        line: { color: colour("@second"), width: 2.5, dash: "dash" },
      });
    }
    if (this.mark && steps.length) {
      traces.push({
        type: "scatter", mode: "lines", name: this.mark.text, x: [steps[0], steps.at(-1)], y: [this.mark.value, this.mark.value],
        line: { color: colour("@muted"), width: 2, dash: "dot" },
      });
    }
    // In a narrow chart every name of the legend has a line of its own, or two, above the curves; where the axis is too low
    // for its unit, that leads the legend.
    const { scale } = this, named = traces.length > 1, across = this.plot.clientWidth;
    for (const trace of traces) trace.name = inLines(trace.name ?? "", Math.max(12, (across - 52) / (5.9 * scale)));
    const names = traces.flatMap(({ name }) => name.split("<br>")), longest = Math.max(...names.map(({ length }) => length));
    this.host.style.setProperty("--least", `${(120 + 20 * names.length) * scale}px`);
    const { width, height } = this.size(), low = 6.6 * this.label.length * scale > height - 66 * scale;
    const ticks = (room, each, most) => Math.max(2, Math.min(most, Math.floor(room / (each * scale)))); // that do not touch
    const most = ticks(width - 64 * scale, 44, 8), decades = Math.log10(1 + (frames.at(-1)?.step ?? 0));
    const every = Math.ceil((this.names?.length ?? 0) / most), shown = this.names?.map((_, i) => i).filter((i) => i % every === 0);
    const type = Math.max(9, Math.min(12 * scale, (width - 52) / (0.52 * longest)));
    // Room for the legend's lines is given here: where Plotly finds it by itself, it may leave the legend over the curves.
    const row = traces.reduce((sum, { name }) => sum + 0.41 * type * name.length + 45, 0);
    const led = low && Boolean(this.label), room = 0.82 * (width - 64 * scale);
    const above = led && row + 0.5 * type * this.label.length > room; // the unit on a line of its own
    const head = (row > room ? 8 + 1.6 * type * names.length : 26 * scale) + (above ? 1.5 * type : 0);
    const axis = { color: colour("@text"), gridcolor: colour("@grid"), zeroline: false, fixedrange: true, automargin: true, tickangle: 0 };
    const layout = {
      width, height, minreducedwidth: 40, minreducedheight: 24, // a legend takes its room from the curves
      xaxis: {
        ...axis, title: { text: inLines(this.steps, Math.max(8, Math.floor(width / (7.5 * scale)) - 6)), standoff: 4 },
        ...(this.log ? { type: "log", dtick: Math.ceil(decades / most) || 1 } : { rangemode: "tozero", nticks: most }),
        ...(this.names ? { tickvals: shown, ticktext: shown.map((i) => this.names[i]) } : {}),
      },
      yaxis: { ...axis, title: { text: low ? "" : this.label, standoff: 4 }, nticks: ticks(height - 62 * scale, 26, 5) },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { size: Math.round(12 * scale), color: colour("@text"), family: "inherit" },
      margin: { l: (low ? 40 : 56) * scale, r: 8, t: named || led ? head : 8, b: 36 * scale },
      showlegend: named || led,
      legend: { font: { size: type }, ...(led ? { title: { text: `${this.label}: `, side: above ? "top" : "left" } } : {}), orientation: "h", x: 0, y: 1.02, xanchor: "left", yanchor: "bottom", bgcolor: "rgba(0,0,0,0)" },
    };
    await window.Plotly.react(this.plot, traces, layout, { staticPlot: true });
  }

  place(step) { return this.log ? step + 1 : step; }

  point(step) {
    const axis = this.plot._fullLayout?.xaxis, rows = this.plot._fullLayout?.yaxis;
    if (!axis || !rows) return;
    const [x0, x1] = axis.range;
    const x = this.log ? Math.log10(step + 1) : step; // Plotly gives a log axis's range as exponents
    const share = Math.max(0, Math.min(1, (x - x0) / (x1 - x0 || 1))); // the chart may not reach to this step yet
    this.needle.style.left = `${axis._offset + share * axis._length}px`;
    this.needle.style.top = `${rows._offset}px`;
    this.needle.style.height = `${rows._length}px`;
  }

  stepAt(px) {
    const axis = this.plot._fullLayout?.xaxis;
    if (!axis) return null;
    const [x0, x1] = axis.range;
    const x = x0 + ((px - axis._offset) / axis._length) * (x1 - x0);
    return this.log ? 10 ** x - 1 : x;
  }

  async resize() {
    if (this.last && this.plot.clientWidth) await this.draw(...this.last);
  }

  size() { return { width: this.plot.clientWidth, height: this.plot.clientHeight }; }

  dispose() {
    if (window.Plotly && this.plot._fullLayout) window.Plotly.purge(this.plot);
  }
}
