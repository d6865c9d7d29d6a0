// A picture as a Plotly figure over a canvas of points.
// Plotly draws axes, ellipses, contours and marks; the cloud of data points goes to a canvas below it,
// because thousands of SVG nodes cannot be repainted twenty times a second on two cores.

import { bitmap } from "./images.js";
import { PHONE, colourOf, decode, inLines, isDark, resolve, rgb } from "./values.js";

export class Figure {
  constructor(host, palette, hidden) {
    this.palette = palette;
    this.host = host;
    this.hidden = hidden; // layers switched off
    this.canvas = host.appendChild(document.createElement("canvas"));
    this.plot = host.appendChild(document.createElement("div"));
    this.plot.className = "plot";
    this.plot.setAttribute("translate", "no"); // the browser's translation leaves axis labels alone
    this.picked = null;
    this.pixel = null; // of a sheet whose pixels can be asked about: [image, row, column]
    this.overlay = null; // what an answer lays over one image: {image, alpha, colour}
    this.hiding = null; // while cells are painted: a Set of row * side + column
    this.asked = null; // what an answer changes of the traces, over what the picture says
  }

  setBase(base, scale) {
    this.base = base;
    this.scale = scale;
    this.dark = isDark(this.host);
    this.colour = colourOf(this.palette, this.dark);
    this.traces = resolve(base.traces ?? [], this.colour).map((trace) => enlarge(trace, scale));
    this.narrow = this.isNarrow();
    const layout = resolve(this.narrow ? over(base.layout, base.narrow) : base.layout ?? {}, this.colour);
    const axis = {
      color: this.colour("@text"), gridcolor: this.colour("@grid"), zerolinecolor: this.colour("@grid"),
      fixedrange: true, automargin: true, title: { standoff: 6 },
    };
    this.layout = {
      ...layout,
      xaxis: merge(axis, layout.xaxis), yaxis: merge(axis, layout.yaxis),
      ...Object.fromEntries(Object.keys(layout).filter((key) => /^[xy]axis\d$/.test(key)).map((key) => [key, merge(axis, layout[key])])),
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false,
      minreducedwidth: 30, minreducedheight: 30, // names at an axis are read whole
      font: { size: Math.round(13 * scale), color: this.colour("@text"), family: "inherit" },
    };
    this.layout.margin = margins(this.layout, scale);
    const cloud = base.cloud;
    // Plotly writes into a layout what it makes of an axis: where one is tied to another it widens the ranges to fit.
    this.ranges = Object.entries(this.layout).filter(([key, value]) => /^[xy]axis\d*$/.test(key) && Array.isArray(value.range))
      .map(([key, value]) => [key, [...value.range]]);
    this.titles = Object.entries(this.layout).filter(([key, value]) => /^[xy]axis\d*$/.test(key) && value.title?.text)
      .map(([key, value]) => [key, value.title.text]);
    this.canvas.style.zIndex = cloud?.above ? 1 : ""; // over a field of colour
    this.cloud = cloud && {
      ...cloud, x: Float32Array.from(decode(cloud.x)), y: Float32Array.from(decode(cloud.y)),
      rgb: cloud.colours.map((token) => rgb(this.colour(token))),
    };
  }

  /** Draw one picture; resolves when it is painted. */
  async draw(picture) {
    this.picture = picture;
    const patches = picture.traces ?? {};
    const traces = this.traces.map((trace, i) => {
      const drawn = { ...trace, ...resolve({ ...patches[i], ...this.asked?.[i] }, this.colour) };
      if (this.hidden.has(trace.meta?.layer)) drawn.visible = false;
      return drawn;
    });
    this.drawn = traces;
    this.sheet = picture.sheet ? await bitmap(picture.sheet) : null;
    await this.react();
  }

  async react() {
    if (this.isNarrow() !== this.narrow) this.setBase(this.base, this.scale);
    // From the ranges of the base: those that a narrow place widened would stay as wide in a wide one.
    for (const [key, range] of this.ranges) this.layout[key].range = [...range];
    const { width, height } = this.size();
    Object.assign(this.layout, { width, height });
    if (this.base.beside && !this.narrow) this.share(this.base.beside);
    for (const [key, text] of this.titles) { // an axis shorter than its title
      const { domain: [from, to] = [0, 1], title } = this.layout[key], room = (to - from) * (key[0] === "x" ? width : height) - 60 * this.scale;
      title.text = inLines(text, Math.max(12, room / (7 * this.scale)));
    }
    if (!this.plot.clientWidth) return; // it is left out here
    for (const trace of this.drawn) if (trace.meta?.page) trace.textfont = { ...trace.textfont, size: this.letters(trace.meta.page) };
    await window.Plotly.react(this.plot, this.drawn, this.layout, { staticPlot: true, responsive: false });
    this.paintCloud();
  }

  /** The first axes take what a sheet of this aspect (width : height) cannot use of its place at this height. */
  share({ most, gap, aspect }) {
    const { width, height, margin } = this.layout;
    const used = Math.min(most, (aspect * (height - margin.t - margin.b)) / (width - margin.l - margin.r));
    this.layout.xaxis2.domain = [0, used];
    this.layout.xaxis.domain = [used + gap, 1];
  }

  /** The size at which a page of text, [letters a line, lines], fills the first axes. */
  letters([across, down]) {
    const { width, height } = this.size(), [from, to] = this.layout.xaxis.domain ?? [0, 1];
    return Math.min((width * (to - from)) / (0.61 * across), height / (1.4 * down));
  }

  axes(which = "") {
    const { [`xaxis${which}`]: xaxis, [`yaxis${which}`]: yaxis } = this.plot._fullLayout ?? {};
    if (!xaxis || !this.plot.clientWidth) return null;
    const [x0, x1] = xaxis.range, [y0, y1] = yaxis.range;
    return {
      px: (x) => xaxis._offset + ((x - x0) / (x1 - x0)) * xaxis._length,
      py: (y) => yaxis._offset + ((y1 - y) / (y1 - y0)) * yaxis._length,
      x: (px) => x0 + ((px - xaxis._offset) / xaxis._length) * (x1 - x0),
      y: (py) => y1 - ((py - yaxis._offset) / yaxis._length) * (y1 - y0),
      box: [xaxis._offset, yaxis._offset, xaxis._length, yaxis._length],
    };
  }

  paintCloud(ratio = Math.min(window.devicePixelRatio || 1, 2)) {
    const axes = this.axes();
    const width = this.plot.clientWidth, height = this.plot.clientHeight;
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
    }
    const pen = this.canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    this.paintSheet(pen);
    if (!axes || !this.cloud || this.hidden.has("points")) return;
    pen.save();
    pen.beginPath();
    pen.rect(...axes.box);
    pen.clip();
    const { rgb: colours } = this.cloud, { x, y } = this.places();
    const mix = this.picture?.cloud?.mix ? this.mixOf(this.picture) : this.cloud.mix && this.mixOf(this.base);
    const size = (this.cloud.size ?? (x.length > 900 ? 2.4 : 3.6)) * this.scale;
    const neutral = this.colour("@muted");
    const glyphs = this.cloud.glyphs; // a letter or digit per component, in place of the shapes
    if (glyphs) Object.assign(pen, { font: `700 ${size * 3.4}px sans-serif`, textAlign: "center", textBaseline: "middle" });
    pen.globalAlpha = this.cloud.alpha ?? 0.85;
    for (let i = 0; i < x.length; i++) {
      let shape = 0, fill = neutral;
      if (mix && mix[i]) {
        const shares = mix[i];
        let r = 0, g = 0, b = 0, total = 0, most = -1;
        for (let k = 0; k < shares.length; k++) {
          const share = shares[k], c = colours[k % colours.length];
          r += share * c[0]; g += share * c[1]; b += share * c[2]; total += share;
          if (share > most) { most = share; shape = k; }
        }
        if (total) fill = `rgb(${r / total | 0},${g / total | 0},${b / total | 0})`;
      }
      pen.fillStyle = fill;
      if (glyphs) pen.fillText(glyphs[shape], axes.px(x[i]), axes.py(y[i]));
      else mark(pen, shape, axes.px(x[i]), axes.py(y[i]), size);
    }
    pen.globalAlpha = 1;
    if (this.picked !== null && this.picked < x.length) {
      pen.strokeStyle = this.colour("@text");
      pen.lineWidth = 2.5 * this.scale;
      pen.beginPath();
      pen.arc(axes.px(x[this.picked]), axes.py(y[this.picked]), size + 6, 0, 2 * Math.PI);
      pen.stroke();
    }
    pen.restore();
  }

  /** Where the cloud's points are: in the picture where they move, else in the base. */
  places() {
    const moved = this.picture?.cloud;
    if (!moved?.x) return this.cloud;
    if (this.placesFor !== moved) {
      this.placesFor = moved;
      this.moved = { x: decode(moved.x), y: decode(moved.y) };
    }
    return this.moved;
  }

  /** An image on the second axes, x from 0 to its columns, y down to its rows: a sheet of images. */
  paintSheet(pen) {
    const axes = this.sheet && this.axes("2");
    if (!axes || this.hidden.has("sheet")) return;
    const left = axes.px(0), top = axes.py(0);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(this.sheet, left, top, axes.px(this.sheet.width) - left, axes.py(this.sheet.height) - top);
    if (this.base.pixels) this.paintPixels(pen, axes);
  }

  /** What lies over the images of a sheet whose pixels can be asked about. */
  paintPixels(pen, axes) {
    const { side, gap, columns, n } = this.base.pixels, size = axes.px(1) - axes.px(0);
    const corner = (image) => [axes.px(gap + (image % columns) * (side + gap)), axes.py(gap + Math.floor(image / columns) * (side + gap))];
    const cell = (image, i) => {
      const [left, top] = corner(image);
      pen.fillRect(left + (i % side) * size, top + Math.floor(i / side) * size, size + 0.5, size + 0.5);
    };
    if (this.overlay) {
      const alpha = decode(this.overlay.alpha);
      pen.fillStyle = this.colour(this.overlay.colour);
      alpha.forEach((row, r) => row.forEach((value, c) => {
        if (!value) return;
        pen.globalAlpha = value / 255;
        cell(this.overlay.image, r * side + c);
      }));
      pen.globalAlpha = 1;
    }
    if (this.hiding) {
      pen.fillStyle = this.colour("@second/60");
      for (const i of this.hiding) for (let image = 0; image < n; image++) cell(image, i);
    }
    if (this.pixel) {
      const [image, row, column] = this.pixel, [left, top] = corner(image);
      pen.lineWidth = 2 * this.scale;
      for (const [colour, out] of [["#ffffff", 1.5], ["#000000", 3.5]]) {
        pen.strokeStyle = colour;
        pen.strokeRect(left + column * size - out, top + row * size - out, size + 2 * out, size + 2 * out);
      }
    }
  }

  /** The pixel of a sheet's image at (px, py), [image, row, column], or null. */
  pixelAt(px, py) {
    const axes = this.base?.pixels && this.axes("2");
    if (!axes) return null;
    const { side, gap, columns, n } = this.base.pixels, step = side + gap;
    const x = Math.floor(axes.x(px)) - gap, y = Math.floor(axes.y(py)) - gap;
    if (x < 0 || y < 0 || x >= columns * step || x % step >= side || y % step >= side) return null;
    const image = Math.floor(y / step) * columns + Math.floor(x / step);
    return image < n ? [image, y % step, x % step] : null;
  }

  mixOf(picture) {
    if (this.mixFor !== picture) {
      this.mixFor = picture;
      this.mix = decode(picture.cloud.mix);
    }
    return this.mix;
  }

  /** The nearest point within `reach` pixels of (px, py), or null. */
  pointAt(px, py, reach = 14) {
    const axes = this.axes();
    if (!axes || !this.cloud || this.hidden.has("points")) return null;
    const { x, y } = this.places();
    return nearest(x, y, axes, px, py, reach);
  }

  /** The nearest mark of the trace whose meta.pick is "component", or null. */
  componentAt(px, py, reach = 16) {
    const axes = this.axes();
    const marks = this.drawn?.find((trace) => trace.meta?.pick === "component" && trace.visible !== false);
    return axes && marks?.x ? nearest(marks.x, marks.y, axes, px, py, reach) : null;
  }

  /** Paint onto `pen`, in CSS pixels, with `ratio` dots to each: the cloud anew, Plotly's part as an image. */
  async save(pen, ratio) {
    const { width, height } = this.size();
    const figure = new Image();
    figure.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(drawing(this.plot, width, height))}`;
    await figure.decode();
    this.paintCloud(ratio);
    for (const part of this.cloud?.above ? [figure, this.canvas] : [this.canvas, figure]) pen.drawImage(part, 0, 0, width, height);
    this.paintCloud();
  }

  /** As on a phone, where the base has a layout for it; a pane that is high beside a sheet has room for what stands one
   * below the other. */
  isNarrow() {
    const { clientWidth: width, clientHeight: height } = this.plot;
    const beside = width < 0.8 * this.host.parentElement?.clientWidth; // none once it is taken away
    return Boolean(this.base.narrow) && width > 0 && width < PHONE && !(beside && height > 1.6 * width);
  }

  size() { return { width: this.plot.clientWidth, height: this.plot.clientHeight }; }

  /** Anew at the size that there is now. */
  async resize() {
    if (this.drawn && this.plot.clientWidth) await this.react();
  }

  dispose() {
    if (window.Plotly && this.plot._fullLayout) window.Plotly.purge(this.plot);
  }
}

/** Plotly's layers as one SVG: drawing the figure once more for the file, as Plotly.toImage does, takes ten times as long. */
function drawing(plot, width, height) {
  const family = getComputedStyle(plot).fontFamily.replaceAll('"', "'");
  const layers = [...plot.querySelectorAll(".main-svg")].map((svg) => new XMLSerializer().serializeToString(svg));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="${family}">${layers.join("")}</svg>`
    .replaceAll("font-family: inherit", `font-family: ${family}`);
}

function nearest(xs, ys, axes, px, py, reach) {
  let best = null, least = reach * reach;
  for (let i = 0; i < xs.length; i++) {
    const distance = (axes.px(xs[i]) - px) ** 2 + (axes.py(ys[i]) - py) ** 2;
    if (distance <= least) { least = distance; best = i; }
  }
  return best;
}

// One shape per component, so that colour never stands alone.
function mark(pen, shape, x, y, r) {
  pen.beginPath();
  switch (shape % 6) {
    case 0: pen.arc(x, y, r, 0, 2 * Math.PI); break;
    case 1: pen.rect(x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8); break;
    case 2: polygon(pen, x, y, r * 1.3, 3, -Math.PI / 2); break;
    case 3: polygon(pen, x, y, r * 1.25, 4, 0); break;
    case 4: polygon(pen, x, y, r * 1.3, 3, Math.PI / 2); break;
    default:
      pen.rect(x - r * 1.2, y - r * 0.4, r * 2.4, r * 0.8);
      pen.rect(x - r * 0.4, y - r * 1.2, r * 0.8, r * 2.4);
  }
  pen.fill();
}

function polygon(pen, x, y, r, corners, turn) {
  for (let i = 0; i < corners; i++) {
    const angle = turn + (2 * Math.PI * i) / corners;
    pen[i ? "lineTo" : "moveTo"](x + r * Math.cos(angle), y + r * Math.sin(angle));
  }
  pen.closePath();
}

// Lines, marks and their letters grow with the type in presenter mode.
function enlarge(trace, scale) {
  const grown = { ...trace };
  for (const [part, size] of [["line", "width"], ["marker", "size"], ["textfont", "size"]]) {
    if (typeof trace[part]?.[size] === "number") grown[part] = { ...trace[part], [size]: trace[part][size] * scale };
  }
  return grown;
}

/** Room for the labels of axes at the edges only: those within the picture have room beside their neighbours. */
function margins(layout, scale) {
  const start = (letter, anchor) => layout[`${letter}axis${anchor.slice(1)}`]?.domain?.[0] ?? 0;
  const labelled = (letter, across) => Object.entries(layout).some(([key, axis]) => key.startsWith(`${letter}axis`)
    && axis.visible !== false && axis.showticklabels !== false && start(across, axis.anchor ?? across + key.slice(5)) < 0.02);
  return { l: labelled("y", "x") ? 40 * scale : 4, r: 10, t: 10, b: labelled("x", "y") ? 34 * scale : 4 };
}

/** A layout with what another says of the same axes over it. */
function over(layout, other) {
  return { ...layout, ...Object.fromEntries(Object.entries(other).map(([key, axis]) => [key, { ...layout[key], ...axis }])) };
}

function merge(below, above = {}) {
  const title = typeof above.title === "string" ? { text: above.title } : above.title;
  return { ...below, ...above, title: { ...below.title, ...title } };
}
