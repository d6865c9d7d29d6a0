// Where the cells of a sheet lie in the box that it has. No DOM here.

/**
 * Columns for the largest cells: `n` cells of width : height = `aspect` in a box, `head` above each row for its names.
 * `columns` fixes their number where rows mean something. Cells of crisp pixels come in whole multiples of
 * `pixel` (an image's width) where that costs little room, so that every pixel is as wide as its neighbour; `keep` is the
 * least share of the width that may be left for it.
 * Gives {columns, rows, width, height, left, top, gap, down}: cell (r, c) lies at left + c (width + gap), top + r down.
 */
export function arrange({ n, width, height, aspect = 1, gap = 4, columns = 0, left = 0, top = 0, head = 0, pixel = 0, ratio = 1, keep = 0.9 }) {
  const size = (across) => {
    const down = Math.ceil(n / across);
    return Math.min((width - (across - 1) * gap) / across, ((height - (down - 1) * gap) / down - head) * aspect);
  };
  let best = columns;
  if (!best) {
    best = 1;
    for (let across = 2; across <= n; across++) if (size(across) > size(best) + 0.01) best = across;
  }
  let wide = Math.max(1, size(best));
  // Whole pixels where the sheet keeps nearly all its room by it; else as large as it goes. Where a pixel is many dots
  // wide, one dot more or less is not seen.
  const whole = pixel && Math.floor((wide * ratio) / pixel) * pixel / ratio;
  if (whole >= (wide * ratio < 6 * pixel ? keep : 0.97) * wide) wide = whole;
  const rows = Math.ceil(n / best), high = wide / aspect, down = high + head + gap;
  return {
    columns: best, rows, width: wide, height: high, gap, down,
    left: left + Math.max(0, (width - best * wide - (best - 1) * gap) / 2),
    top: top + head + Math.max(0, (height - rows * down + gap) / 2),
  };
}

/** The cell at (x, y) of such a layout and the place in it, {index, u, v} with u, v in 0..1; null between cells. */
export function cellAt(layout, n, x, y) {
  const { columns, width, height, left, top, gap } = layout;
  const across = Math.floor((x - left) / (width + gap)), row = Math.floor((y - top) / layout.down);
  const u = (x - left - across * (width + gap)) / width, v = (y - top - row * layout.down) / height;
  const index = row * columns + across;
  if (across < 0 || across >= columns || row < 0 || index >= n || u < 0 || v < 0 || u >= 1 || v >= 1) return null;
  return { index, u, v };
}
