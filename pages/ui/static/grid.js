// Where the cells of a sheet lie in the box that it has. No DOM here.

/**
 * Columns for the largest cells: `n` cells of width : height = `aspect` in a box.
 * `columns` fixes their number where rows mean something. Cells of crisp pixels come in whole multiples of
 * `pixel` (an image's width) where one at least fits, so that every pixel is as wide as its neighbour.
 * Gives {columns, rows, width, height, left, top, gap}: cell (r, c) lies at left + c (width + gap), top + r (height + gap).
 */
export function arrange({ n, width, height, aspect = 1, gap = 4, columns = 0, left = 0, top = 0, pixel = 0, ratio = 1 }) {
  const size = (across) => {
    const down = Math.ceil(n / across);
    return Math.min((width - (across - 1) * gap) / across, ((height - (down - 1) * gap) / down) * aspect);
  };
  let best = columns;
  if (!best) {
    best = 1;
    for (let across = 2; across <= n; across++) if (size(across) > size(best) + 0.01) best = across;
  }
  let wide = Math.max(1, size(best));
  // Whole pixels where the sheet keeps nine tenths of its room by it; else as large as it goes.
  const whole = pixel && Math.floor((wide * ratio) / pixel) * pixel / ratio;
  if (whole >= 0.9 * wide) wide = whole;
  const rows = Math.ceil(n / best), high = wide / aspect;
  return {
    columns: best, rows, width: wide, height: high, gap,
    left: left + Math.max(0, (width - best * wide - (best - 1) * gap) / 2),
    top: top + Math.max(0, (height - rows * high - (rows - 1) * gap) / 2),
  };
}

/** The cell at (x, y) of such a layout and the place in it, {index, u, v} with u, v in 0..1; null between cells. */
export function cellAt(layout, n, x, y) {
  const { columns, width, height, left, top, gap } = layout;
  const across = Math.floor((x - left) / (width + gap)), down = Math.floor((y - top) / (height + gap));
  const u = (x - left - across * (width + gap)) / width, v = (y - top - down * (height + gap)) / height;
  const index = down * columns + across;
  if (across < 0 || across >= columns || down < 0 || index >= n || u < 0 || v < 0 || u >= 1 || v >= 1) return null;
  return { index, u, v };
}
