"""How much of the window a page's picture takes: what is drawn, not the box that it is drawn in."""

from __future__ import annotations

from playwright.sync_api import Page

# Cells of 8 x 8 pixels that a plot area covers or that a canvas has ink in, over all cells of the window.
SHARE = """() => {
  const size = 8, columns = Math.ceil(innerWidth / size), rows = Math.ceil(innerHeight / size);
  const hit = new Uint8Array(columns * rows);
  const cover = (left, top, right, bottom) => {
    for (let y = Math.max(0, Math.round(top / size)); y < Math.min(rows, Math.round(bottom / size)); y++)
      for (let x = Math.max(0, Math.round(left / size)); x < Math.min(columns, Math.round(right / size)); x++)
        hit[y * columns + x] = 1;
  };
  const roots = [document];
  for (const one of document.querySelectorAll("*")) if (one.shadowRoot) roots.push(one.shadowRoot);
  for (const root of roots) for (const stage of root.querySelectorAll(".stage, .latent, .colouring, .posing")) {
    for (const plot of stage.querySelectorAll(".bglayer .bg")) {
      const box = plot.getBoundingClientRect();
      cover(box.left, box.top, box.right, box.bottom);
    }
    for (const board of stage.querySelectorAll(".board svg")) { // keypoints on a ground of their own
      const box = board.getBoundingClientRect();
      cover(box.left, box.top, box.right, box.bottom);
    }
    for (const canvas of stage.querySelectorAll("canvas")) {
      const box = canvas.getBoundingClientRect();
      if (!box.width || !box.height || !canvas.width) continue;
      const pen = document.createElement("canvas").getContext("2d");
      const w = pen.canvas.width = Math.ceil(box.width / size), h = pen.canvas.height = Math.ceil(box.height / size);
      try { pen.drawImage(canvas, 0, 0, w, h); } catch { continue; }
      const ink = pen.getImageData(0, 0, w, h).data;
      for (let y = 0; y < h; y++) for (let x = 0; x < w; x++)
        if (ink[4 * (y * w + x) + 3] > 127)
          cover(box.left + x * size, box.top + y * size, box.left + (x + 1) * size, box.top + (y + 1) * size);
    }
  }
  return hit.reduce((sum, one) => sum + one, 0) / hit.length;
}"""


def share(page: Page) -> float:
    return page.evaluate(SHARE)
