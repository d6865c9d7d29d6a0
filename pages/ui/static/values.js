// Arrays and colours of a picture as JavaScript has them.

export const PHONE = 520; // pixels: a stage that is narrower is one on a phone

const TYPES = { f4: Float32Array, u1: Uint8Array, i4: Int32Array };

/** {dtype, shape, bdata} -> typed array, or an array of rows where it has two dimensions. */
export function decode(packed) {
  const text = atob(packed.bdata), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i); // a tenth of the time of Uint8Array.from
  const flat = new TYPES[packed.dtype](bytes.buffer);
  if (packed.shape.length !== 2) return flat;
  const [rows, columns] = packed.shape;
  return Array.from({ length: rows }, (_, i) => flat.subarray(i * columns, (i + 1) * columns));
}

/** A copy in which "@role" strings are colours and packed arrays are arrays. */
export function resolve(value, colour) {
  if (typeof value === "string") return value.startsWith("@") ? colour(value) : value;
  if (Array.isArray(value)) return value.map((item) => resolve(item, colour));
  if (value && typeof value === "object" && !ArrayBuffer.isView(value)) {
    if ("bdata" in value) return decode(value);
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolve(item, colour)]));
  }
  return value;
}

/** "@c0" or "@c0/40" (opacity in percent) -> a CSS colour of the palette on this ground. */
export function colourOf(palette, dark) {
  return (token) => {
    if (!token.startsWith("@")) return token;
    const [role, percent] = token.slice(1).split("/");
    const hex = (palette[role] ?? palette.text)[dark ? 1 : 0];
    if (!percent) return hex;
    const [r, g, b] = rgb(hex);
    return `rgba(${r},${g},${b},${percent / 100})`;
  };
}

export const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

/** Is the page's ground dark? */
export function isDark(element) {
  const ground = getComputedStyle(element).getPropertyValue("--st-background-color").trim();
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = ground || "#ffffff";
  const hex = probe.fillStyle;
  const [r, g, b] = hex.startsWith("#") ? rgb(hex) : hex.match(/\d+/g).map(Number);
  return 0.299 * r + 0.587 * g + 0.114 * b < 128;
}

/** Words in lines of so many letters. */
export function inLines(text, most) {
  const lines = [""];
  for (const word of text.split(" ")) {
    if (lines.at(-1) && lines.at(-1).length + word.length >= most) lines.push("");
    lines.push(`${lines.pop()} ${word}`.trim());
  }
  return lines.join("<br>");
}

/** A sentence or a cell of a table: a negative number has a minus, not a hyphen, and no number parts from its sign or unit. */
export const typeset = (text) => String(text ?? "").replace(/(^|[\s(\[=,;:|/])-(?=[\d.∞])/g, "$1−")
  .replace(/(\d) %/g, "$1\u00a0%").replace(/± (?=\d)/g, "±\u00a0").replace(/(\d)\u2009(?=\d)/g, "$1\u202f");
