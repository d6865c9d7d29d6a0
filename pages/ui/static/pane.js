// A canvas that fills its pane, in CSS pixels whatever the screen's ratio.

export class Pane {
  constructor(host, name) {
    this.host = host;
    this.canvas = host.appendChild(document.createElement("canvas"));
    this.canvas.className = name;
  }

  /** A cleared pen and the pane's size; `ratio` dots a CSS pixel. */
  begin(ratio = Math.min(window.devicePixelRatio || 1, 2)) {
    const { canvas } = this, width = canvas.clientWidth, height = canvas.clientHeight;
    const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== across || canvas.height !== down) Object.assign(canvas, { width: across, height: down });
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    return { pen, width, height, ratio };
  }

  spot(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }
}

/** `view.go(milliseconds)` with each of the screen's frames, until the view is gone. */
export function eachFrame(view) {
  let last = performance.now();
  const loop = (now) => {
    if (view.gone) return;
    view.go(Math.min(100, Math.max(0, now - last)));
    last = now;
    requestAnimationFrame(loop);
  };
  requestAnimationFrame(loop);
}

/** What all that is painted into a pane says when the picture is saved. */
export async function save(view, pen, ratio) {
  view.paint(ratio);
  pen.drawImage(view.pane.canvas, 0, 0, view.pane.canvas.clientWidth, view.pane.canvas.clientHeight);
  view.paint();
}
