// Images in cells: the client lays them out so that they fill the room there is, in crisp pixels.
//
// `picture.images` is one strip of images below each other (PNG or WebP), `picture.map` a strip of grey images
// that hold values over them: an error, a probability. `base.images` says what rows and columns mean.

import { arrange, cellAt } from "./grid.js";
import { Pane } from "./pane.js";

const KEPT = 80; // decoded images kept: stepping back and forth decodes nothing
const decoded = new Map();

/** The bitmap of {bytes}; what was decoded lately is at hand. */
export async function bitmap(packed) {
  const found = decoded.get(packed);
  if (found) return found;
  const made = await createImageBitmap(packed.bytes);
  decoded.set(packed, made);
  if (decoded.size > KEPT) decoded.delete(decoded.keys().next().value);
  return made;
}

/** The bytes of a grey image, one per pixel. */
export async function greys(packed) {
  const image = await bitmap(packed);
  const pen = new OffscreenCanvas(image.width, image.height).getContext("2d", { willReadFrequently: true });
  pen.drawImage(image, 0, 0);
  const { data } = pen.getImageData(0, 0, image.width, image.height);
  return Uint8Array.from({ length: data.length / 4 }, (_, i) => data[4 * i]);
}

// From nothing to much, dark to light (inferno's and RdBu's own stops); both read without red and green.
const SCALES = {
  heat: [[0, 0, 4], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]],
  diverging: [[33, 102, 172], [146, 197, 222], [247, 247, 247], [244, 165, 130], [178, 24, 43]],
};

function colourAt(scale, share) {
  const stops = SCALES[scale] ?? SCALES.heat, place = share * (stops.length - 1);
  const low = Math.min(stops.length - 2, Math.floor(place)), part = place - low;
  return stops[low].map((from, i) => Math.round(from + part * (stops[low + 1][i] - from)));
}

/** Source rectangle of image `i` in a strip: images lie below each other, then in the next column. */
function source(strip, i) {
  const [, height, width] = strip.shape, down = strip.down ?? strip.shape[0];
  return [Math.floor(i / down) * width, (i % down) * height, width, height];
}

export class Images {
  constructor(host, stage) {
    this.stage = stage;
    this.pane = new Pane(host, "images");
    this.at = null; // what the pointer is on: {index, u, v}
    this.picked = null;
  }

  setBase(spec, look) {
    this.spec = spec;
    this.look = look;
  }

  async draw(picture) {
    const [strip, map] = await Promise.all([
      picture.images && bitmap(picture.images), picture.map && greys(picture.map)]);
    Object.assign(this, { picture, strip, values: map });
    if (map && this.paintedMap !== picture.map) this.colourMap(picture.map, map);
    this.paint();
  }

  colourMap({ shape: [n, rows, columns] }, values) {
    this.paintedMap = this.picture.map;
    const pixels = new ImageData(columns, n * rows), { scale = "heat", alpha = 0.75 } = this.spec.map ?? {};
    const palette = Array.from({ length: 256 }, (_, v) => colourAt(scale, v / 255));
    values.forEach((value, i) => {
      const middle = scale === "diverging" ? Math.abs(value - 127.5) / 127.5 : value / 255;
      pixels.data.set(palette[value], 4 * i);
      pixels.data[4 * i + 3] = 255 * alpha * (0.25 + 0.75 * middle);
    });
    this.overlay = new OffscreenCanvas(columns, n * rows);
    this.overlay.getContext("2d").putImageData(pixels, 0, 0);
  }

  /** The cell whose image the i-th map lies over. */
  mapOver(index) {
    const cells = this.spec.map?.cells;
    const i = cells ? cells.indexOf(index) : index;
    return this.picture.map && i >= 0 && i < this.picture.map.shape[0] ? i : null;
  }

  paint(ratio) {
    const { pen, width, height, ratio: dots } = this.pane.begin(ratio);
    if (!this.strip) return;
    const { rows: rowNames = [], names = [] } = this.spec, { colour } = this.look;
    const [n, high, wide] = this.picture.images.shape;
    const { type, foot, ...layout } = this.layout = this.lay(this.picture, width, height, { pixel: wide, ratio: dots, keep: this.look.scale > 1 ? 0.97 : 0.9 }); // presented, size counts
    pen.font = this.font(type);
    for (let i = 0; i < n; i++) {
      const [x, y] = this.corner(i);
      if (!this.stage.hidden.has("images")) {
        pen.imageSmoothingEnabled = layout.width * dots < wide;
        pen.drawImage(this.strip, ...source(this.picture.images, i), x, y, layout.width, layout.height);
      }
      const map = this.mapOver(i);
      if (map !== null && !this.stage.hidden.has("map")) {
        pen.imageSmoothingEnabled = false;
        pen.drawImage(this.overlay, 0, map * this.picture.map.shape[1], this.picture.map.shape[2], this.picture.map.shape[1], x, y, layout.width, layout.height);
      }
    }
    pen.fillStyle = colour("@text");
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    rowNames.forEach((name, r) => {
      const lines = wrapped(pen, name, layout.left - 12), middle = layout.top + r * layout.down + layout.height / 2;
      lines.forEach((line, k) => pen.fillText(line, layout.left - 8, middle + (k - (lines.length - 1) / 2) * (type + 2)));
    });
    pen.textAlign = "center";
    if (layout.lines) names.forEach((name, i) => {
      const [x, y] = this.corner(i), lines = wrapped(pen, name, layout.width).reverse();
      lines.forEach((line, k) => pen.fillText(line, x + layout.width / 2, y - type / 2 - 3 - k * (type + 2), layout.width));
    });
    for (const mark of this.picture.marks ?? []) this.outline(pen, mark.cell, mark.box, colour(mark.colour ?? "@first"));
    if (this.picked !== null) this.outline(pen, this.picked, null, colour("@first"));
    if (this.at) this.paintField(pen);
    if (foot) this.paintScale(pen, width, height, type);
  }

  font(type) { return `${type}px ${getComputedStyle(this.pane.host).fontFamily}`; }

  /** What is to be laid out, and what names of so many lines and the scale take of the room beside it. */
  room({ images: { shape: [n, high, wide] }, map }, lines = 1, width = Infinity) {
    const { rows = [], names = [], columns = 0, gap = 4 } = this.spec, { scale } = this.look, type = 13 * scale;
    const pen = this.pane.canvas.getContext("2d");
    pen.font = this.font(type);
    const parts = rows.flatMap((name) => wrapped(pen, name, Math.max(60, 0.26 * width)));
    const left = rows.length ? 12 + Math.max(...parts.map((part) => pen.measureText(part).width)) : 0;
    const each = names.length > columns, above = names.length && lines ? lines * (type + 2) + 6 : 0; // a name for every cell, or column
    return { n, columns, aspect: wide / high, gap: gap * scale, type, left, top: each ? 0 : above, head: each ? above : 0, foot: this.spec.map && map ? type + 22 : 0 };
  }

  /** Where the images of a picture lie in a box of this size. Names take as many lines as they need, three at most; over
   * cells too narrow for any word they are left out. */
  lay(picture, width, height, more = {}) {
    const { names = [] } = this.spec, pen = this.pane.canvas.getContext("2d");
    const at = (lines) => {
      const { type, foot, ...room } = this.room(picture, lines, width);
      return { ...arrange({ ...room, ...more, width: width - room.left, height: height - room.top - foot }), n: room.n, type, foot, lines };
    };
    let found = at(1);
    if (found.width < 40) return at(0);
    while (found.lines < 3 && names.some((name) => wrapped(pen, name, found.width).length > found.lines)) found = at(found.lines + 1);
    return found;
  }

  /** How much of a box of this size the images of a picture would take, in pixels. */
  area(picture, width, height) {
    const found = this.lay(picture, width, height);
    return found.n * found.width * found.height;
  }

  /** How high a sheet is on a phone, whose page scrolls, and at most: many named cells are as wide as their names need,
   * and below a wide sheet no room stays empty. In pixels, or "". */
  tall(picture, width) {
    const { names = [], columns = 0 } = this.spec, [n, high, wide] = picture.images.shape;
    const { rows, down, lines, type, foot, gap } = this.lay(picture, width, 1e5);
    if (n > 8 && names.length > columns) {
      const pen = this.pane.canvas.getContext("2d"), across = Math.floor(width / 92), cell = width / across - gap;
      const most = Math.max(...names.map((name) => wrapped(pen, name, cell).length));
      return { height: `${Math.ceil(n / across) * ((cell * high) / wide + most * (type + 2) + 6 + gap)}px`, maxHeight: "" };
    }
    return { height: "", maxHeight: columns ? `${Math.max(120, rows * down + lines * (type + 2) + foot + 8)}px` : "" };
  }

  /** The width that a sheet of so many columns can use at a height, or the height at a width; more would be air. */
  useful(picture, { width = 1e4, height = 1e4 }) {
    if (!this.spec.columns || !picture.images) return Infinity;
    const { foot, ...room } = this.room(picture, 1, width), { columns, gap, left, top } = room;
    const cells = arrange({ ...room, width: width - left, height: height - top - foot });
    return height < 1e4 ? left + columns * (cells.width + gap) : top + cells.rows * cells.down + foot;
  }

  corner(i) {
    const { columns, left, top, width, gap, down } = this.layout;
    return [left + (i % columns) * (width + gap), top + Math.floor(i / columns) * down];
  }

  /** A frame around a cell, or around [top, left, height, width] of its image in pixels. */
  outline(pen, cell, box, colour) {
    const [, high, wide] = this.picture.images.shape, [x, y] = this.corner(cell), { layout } = this;
    const [t, l, h, w] = box ?? [0, 0, high, wide], sx = layout.width / wide, sy = layout.height / high;
    for (const [style, line] of [["#000000", 4.5], [colour, 2.5]]) {
      Object.assign(pen, { strokeStyle: style, lineWidth: line * this.look.scale });
      pen.strokeRect(x + l * sx, y + t * sy, w * sx, h * sy);
    }
  }

  /** What one value of the map has seen of its image. */
  paintField(pen) {
    const field = this.spec.map?.field, map = this.mapOver(this.at.index);
    if (!field || map === null) return;
    const [, high, wide] = this.picture.images.shape, [row, column] = this.mapCell();
    const clip = (start, most) => [Math.max(0, start), Math.min(most, start + field.size) - Math.max(0, start)];
    const [top, h] = clip(row * field.stride + field.offset, high), [left, w] = clip(column * field.stride + field.offset, wide);
    this.outline(pen, this.at.index, [top, left, h, w], "#ffffff");
  }

  mapCell() {
    const [, rows, columns] = this.picture.map.shape;
    return [Math.floor(this.at.v * rows), Math.floor(this.at.u * columns)];
  }

  paintScale(pen, width, height, type) {
    const { low = 0, high = 1, label = "", scale } = this.spec.map, bar = Math.min(180, width * 0.4), y = height - 12;
    const x = (width - bar) / 2;
    for (let i = 0; i < bar; i++) {
      pen.fillStyle = `rgb(${colourAt(scale, i / bar)})`;
      pen.fillRect(x + i, y, 1.5, 10);
    }
    Object.assign(pen, { fillStyle: this.look.colour("@text"), textAlign: "right", textBaseline: "middle" });
    pen.fillText(number(low), x - 6, y + 5);
    pen.textAlign = "left";
    pen.fillText(number(high), x + bar + 6, y + 5);
    pen.textAlign = "center";
    pen.fillText(label, width / 2, y - type / 2 - 2);
  }

  /** The value of the map under the pointer, or null. */
  value() {
    const map = this.at && this.mapOver(this.at.index);
    if (map === null || map === undefined || !this.values) return null;
    const [, rows, columns] = this.picture.map.shape, [row, column] = this.mapCell(), { low = 0, high = 1 } = this.spec.map;
    return low + (this.values[(map * rows + row) * columns + column] / 255) * (high - low);
  }

  pointer(event, what) {
    const hit = what === "leave" || !this.layout ? null : cellAt(this.layout, this.picture.images.shape[0], ...this.pane.spot(event));
    this.at = hit;
    const value = this.value();
    const text = [this.picture?.tips?.[hit?.index], value === null ? null : `${this.spec.map.label ?? "value"} ${number(value)}`].filter(Boolean);
    this.stage.say(hit && text.length ? text.join(" · ") : null, event);
    if (this.spec.map?.field) this.paint();
    if (what === "down" && hit && this.spec.pick) {
      const send = this.spec.pick === "send"; // the page goes on from it
      if (!send) this.picked = hit.index;
      this.paint();
      this.stage.choose({ cell: hit.index, ...(value === null ? {} : { at: this.mapCell() }) }, send);
    }
  }
}

/** A name in lines that fit the width, three at most; what no space parts is squeezed as it is drawn. */
function wrapped(pen, name, width) {
  const lines = [""];
  for (const word of name.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (lines.at(-1) && lines.length < 3 && pen.measureText(longer).width > width) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

export const number = (value) => (Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)))).replace("-", "−");
