// Arrival of pictures, thinning, the clock, stepping, the socket and the layout of cells: what needs no browser.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Clock } from "../../pages/ui/static/clock.js";
import { Film } from "../../pages/ui/static/film.js";
import { arrange, cellAt } from "../../pages/ui/static/grid.js";
import { Link, read } from "../../pages/ui/static/link.js";
import { notesOf } from "../../pages/ui/static/roll.js";
import { colourOf, inLines, resolve } from "../../pages/ui/static/values.js";
import { Walk } from "../../pages/ui/static/walk.js";

const frames = (...steps) => steps.map((step) => ({ step, scalars: {} }));
const status = (state) => ({ state, step: 0, message: "", ahead: 0 });

function walk() {
  const sent = [], seen = [];
  const it = new Walk({ send: (command) => sent.push(command), moved: () => seen.push(it.cursor), now: () => 0 });
  return { it, sent, seen };
}

test("what comes twice is kept once, in order", () => {
  const film = new Film();
  assert.equal(film.arrive(frames(0, 1, 2)), 3);
  assert.equal(film.arrive(frames(1, 2, 3, 7)), 2);
  assert.deepEqual(film.frames.map((frame) => frame.step), [0, 1, 2, 3, 7]);
});

test("the frame at a step is the newest that is not after it", () => {
  const film = new Film();
  film.arrive(frames(0, 10, 20, 40));
  assert.deepEqual([-5, 0, 9, 10, 39, 40, 99].map((step) => film.indexOf(step)), [0, 0, 0, 1, 2, 3, 3]);
});

test("thinning leaves both ends and the place of the viewer", () => {
  const { it } = walk();
  it.arrive(frames(...Array.from({ length: 3999 }, (_, i) => i)), status("playing"));
  it.to(3001);
  it.arrive(frames(3999, 4000), status("playing"));
  assert.equal(it.film.at(0).step, 0);
  assert.equal(it.film.last.step, 4000);
  assert.ok(it.film.length < 2010);
  assert.ok(Math.abs(it.step - 3001) <= 1);
});

test("the clock skips what is late and never goes past what is here", () => {
  const clock = new Clock(10);
  clock.start(0);
  assert.equal(clock.steps(99, 5), 0);
  assert.equal(clock.steps(100, 5), 1);
  assert.equal(clock.steps(150, 5), 0);
  assert.equal(clock.steps(505, 50), 4); // 200, 300, 400 and 500 were due
  assert.equal(clock.steps(5000, 3), 3);
  assert.equal(clock.steps(9000, 0), 0);
});

test("play runs to the end of a finished run, halts there, and begins anew from it", () => {
  const { it, sent } = walk();
  it.arrive(frames(0, 1, 2), status("finished"));
  it.to(0);
  it.setSpeed(1000);
  it.play();
  for (let now = 10; it.playing && now < 1000; now += 10) it.tick(now);
  assert.equal(it.cursor, 2);
  assert.equal(it.playing, false);
  assert.deepEqual(sent, []); // a finished run is asked for nothing
  it.play();
  assert.equal(it.cursor, 0);
});

test("near the newest frame the engine is asked for more, once", () => {
  const { it, sent } = walk();
  it.arrive(frames(0, 1), status("paused"));
  it.to(0);
  it.setSpeed(4);
  it.play();
  it.tick(1);
  it.tick(2);
  assert.deepEqual(sent, [{ do: "play", speed: 4 }]);
  it.status = status("playing");
  it.setSpeed(8);
  it.tick(3);
  assert.deepEqual(sent.at(-1), { do: "play", speed: 8 });
});

test("halting pauses the engine; a step at the end waits for one more", () => {
  const { it, sent } = walk();
  it.arrive(frames(0, 1), status("playing"));
  it.to(1);
  it.play();
  it.halt();
  assert.deepEqual(sent, [{ do: "pause" }]);
  it.forward();
  assert.deepEqual(sent.at(-1), { do: "step" });
  it.arrive(frames(2), status("paused"));
  assert.equal(it.cursor, 2);
  it.arrive(frames(3), status("paused"));
  assert.equal(it.cursor, 2); // it asked for one
});

test("the newest step is followed until the viewer goes elsewhere", () => {
  const { it } = walk();
  it.arrive(frames(0, 1, 2), status("playing"));
  it.to(0);
  it.newest();
  it.arrive(frames(3, 4), status("playing"));
  assert.equal(it.cursor, 4);
  it.seek(1);
  it.arrive(frames(5), status("playing"));
  assert.equal(it.cursor, 1);
});

test("a leap ends where the row ends, also where that is still to come", () => {
  const { it } = walk();
  it.arrive(frames(0, 1, 2, 3, 4), status("playing"));
  it.to(0);
  it.leap([3, 6]);
  assert.equal(it.step, 3);
  it.setSpeed(1000);
  it.leap([3, 6]);
  it.arrive(frames(5, 6, 7, 8), status("playing"));
  for (let now = 10; it.playing && now < 1000; now += 10) it.tick(now);
  assert.equal(it.step, 6);
});

test("a message with images is read apart", async () => {
  const head = new TextEncoder().encode(JSON.stringify({ type: "frames", frames: [{ images: { at: [1, 3], type: "image/png", shape: [1, 2, 3] } }] }));
  const bytes = new Uint8Array(4 + head.length + 4);
  new DataView(bytes.buffer).setUint32(0, head.length, true);
  bytes.set(head, 4);
  bytes.set([9, 1, 2, 3], 4 + head.length);
  const { images } = read(bytes.buffer).frames[0];
  assert.deepEqual([...new Uint8Array(await images.bytes.arrayBuffer())], [1, 2, 3]);
  assert.deepEqual(images.shape, [1, 2, 3]);
  assert.equal(read('{"type":"gone"}').type, "gone");
});

test("a lost connection comes back with what is here already, and says so after some tries", () => {
  const sockets = [];
  class Socket {
    constructor(address) { this.address = address; sockets.push(this); }
    close() {}
  }
  let lost = 0;
  const link = new Link({ address: (after) => after, heard() {}, lost: () => { lost += 1; }, Socket, wait: (again) => again() });
  link.open(() => sockets.length);
  for (let i = 0; i < 4; i++) sockets.at(-1).onclose();
  assert.equal(lost, 1);
  assert.deepEqual(sockets.map((socket) => socket.address), [0, 1, 2, 3, 4]);
  sockets[0].onclose(); // an old one says nothing any more
  link.close();
  sockets.at(-1).onclose();
  assert.equal(sockets.length, 5);
});

test("it comes back by the browser's own timer, which takes no other `this`", () => {
  const theirs = globalThis.setTimeout, sockets = [];
  class Socket {
    constructor() { sockets.push(this); }
    close() {}
  }
  globalThis.setTimeout = function (again, ms) {
    if (this !== undefined && this !== globalThis) throw new TypeError("Illegal invocation"); // as browsers say
    assert.equal(ms, 500);
    again();
  };
  try {
    new Link({ address: (after) => after, heard() {}, lost() {}, Socket }).open(() => -1);
    sockets[0].onclose();
  } finally {
    globalThis.setTimeout = theirs;
  }
  assert.equal(sockets.length, 2);
});

test("cells fill the box: no number of columns makes them larger", () => {
  for (const [n, width, height, aspect] of [[64, 900, 700, 1], [3, 900, 300, 1], [10, 300, 900, 2], [1, 500, 400, 0.5]]) {
    const made = arrange({ n, width, height, aspect, gap: 0 });
    assert.ok(made.columns * made.width <= width + 1e-6 && made.rows * made.height <= height + 1e-6);
    for (let columns = 1; columns <= n; columns++) {
      assert.ok(arrange({ n, width, height, aspect, gap: 0, columns }).width <= made.width + 0.02);
    }
  }
});

test("crisp cells are whole multiples of their pixels where little room is lost", () => {
  assert.equal(arrange({ n: 1, width: 150, height: 150, pixel: 28 }).width, 140);
  assert.equal(arrange({ n: 1, width: 100, height: 100, pixel: 64 }).width, 100); // 64 would leave a third empty
  assert.equal(arrange({ n: 1, width: 335, height: 335, pixel: 28 }).width, 335); // twelve dots a pixel: no jump to 308
});

test("names above every row have their room, and are no part of a cell", () => {
  const layout = arrange({ n: 4, width: 210, height: 250, gap: 10, columns: 2, head: 20 });
  assert.deepEqual([layout.width, layout.height, layout.top, layout.down], [100, 100, 20, 130]);
  assert.equal(cellAt(layout, 4, 50, 130), null); // the second row's names
  assert.equal(cellAt(layout, 4, 50, 151).index, 2);
});

test("a place on the sheet is a cell and a place in it", () => {
  const layout = arrange({ n: 6, width: 300, height: 200, gap: 10, columns: 3 });
  assert.equal(cellAt(layout, 6, layout.left + layout.width * 1.5 + 10, layout.top + layout.height * 0.25).index, 1);
  assert.equal(cellAt(layout, 6, layout.left + layout.width + 5, layout.top + 5), null); // the gap
  assert.equal(cellAt(layout, 5, layout.left + 2.9 * layout.width, layout.top + layout.height * 1.5), null); // the sixth
});

test("a held note is one note", () => {
  const bytes = Uint8Array.from([0, 9, 0, 9, 9, 0, 0, 9]); // four steps of two pitches
  assert.deepEqual(notesOf(bytes, 4, 2).map(({ start, length, pitch }) => [start, length, pitch]), [[2, 1, 0], [0, 2, 1], [3, 1, 1]]);
});

test("roles become colours of the ground, also in depth", () => {
  const colour = colourOf({ text: ["#000000", "#ffffff"], c0: ["#102030", "#405060"] }, false);
  assert.deepEqual(resolve({ line: { color: "@c0" }, marks: ["@c0/50", "x"] }, colour), { line: { color: "#102030" }, marks: ["rgba(16,32,48,0.5)", "x"] });
});

test("whole pixels are kept while they cost no more than the room that may be left for them", () => {
  const of = (keep) => arrange({ n: 6, columns: 3, width: 837, height: 714, head: 24, pixel: 64, keep }).width;
  assert.equal(of(0.9), 256); // four dots a pixel
  assert.ok(of(0.97) > 270);
});

test("a name over every cell takes its lines from the cells' height", () => {
  const [one, three] = [24, 56].map((head) => arrange({ n: 12, width: 600, height: 400, head }));
  assert.ok(three.height < one.height);
  assert.ok(three.top - 56 >= 0 && three.top + (three.rows - 1) * three.down + three.height <= 401);
});

test("a long title goes on in another line, a long word does not part", () => {
  assert.equal(inLines("age asked for, years", 12), "age asked<br>for, years");
  assert.equal(inLines("semitones", 4), "semitones");
});
