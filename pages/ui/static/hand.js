// What the boards share: how they come onto the page, what they are built from, and the questions that follow the hand.

const SVG = "http://www.w3.org/2000/svg";

/** A component's `mount`: one `Board(host, data)` for its place on the page, told when its data is new. */
export function mounting(Board) {
  const boards = new WeakMap();
  return (component) => {
    const host = component.parentElement;
    if (!boards.has(host)) boards.set(host, new Board(host, component.data));
    const board = boards.get(host);
    Object.assign(board, { trigger: component.setTriggerValue, setState: component.setStateValue });
    board.update?.(component.data);
    return () => { board.dispose?.(); boards.delete(host); };
  };
}

export function el(tag, attributes = {}, ...children) {
  const element = tag.startsWith("svg:") ? document.createElementNS(SVG, tag.slice(4)) : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== false && value !== null) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

export const button = (text, name, title, action, extra = {}) => el("button", { type: "button", "data-do": name, title, onclick: action, ...extra }, text);

export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** Where the pointer is on an element, from 0 to 1 across and down. */
export function share(event, element) {
  const box = element.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
}

/** The pointer on a sheet with the focus: `down(event)`, `move(event)` wherever it goes, `up()`. */
export function listen(sheet, { down, move, up }) {
  sheet.addEventListener("pointerdown", (event) => { sheet.focus(); sheet.setPointerCapture(event.pointerId); down(event); });
  sheet.addEventListener("pointermove", move);
  for (const end of ["pointerup", "pointercancel"]) sheet.addEventListener(end, up);
}

/** Bytes, grey or red, green and blue, onto a canvas of their own size, which CSS enlarges without smoothing. */
export function paint(canvas, levels, side) {
  canvas.width = canvas.height = side;
  const pixels = new ImageData(side, side), [red, green, blue] = levels.length === side * side ? [0, 0, 0] : [0, 1, 2];
  const step = levels.length / (side * side);
  for (let i = 0; i < side * side; i++) pixels.data.set([levels[step * i + red], levels[step * i + green], levels[step * i + blue], 255], 4 * i);
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}

/** What went wrong, or (undefined) that nothing did. */
export function complain(notice, error) {
  notice.hidden = !error;
  notice.textContent = error ? `This did not work: ${error}.` : "";
}

/** One question at a time: where the hand is faster than the answers, only its newest is asked. The root element says
    how many answers were shown and how many milliseconds after its question the last one was. */
export async function follow(board, question, ask, show) {
  const { dataset } = board.root;
  Object.assign(board, { wanted: question, since: performance.now() });
  dataset.asking = "1";
  if (board.asking) return;
  board.asking = true;
  while (board.wanted) {
    const { wanted, since } = board;
    board.wanted = null;
    const answer = await ask(wanted);
    if (board.disposed) return;
    complain(board.notice, answer.error);
    if (answer.error) break;
    show(answer);
    board.answers += 1;
    Object.assign(dataset, { answers: board.answers, ms: Math.round(performance.now() - since) });
  }
  board.asking = false;
  dataset.asking = "0";
}
