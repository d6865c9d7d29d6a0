// Questions that follow the hand, and who mounts: what the boards share and needs no browser.

import assert from "node:assert/strict";
import { test } from "node:test";

import { clamp, follow, mounting, share } from "../../pages/ui/static/hand.js";

const board = () => ({ root: { dataset: {} }, notice: {}, answers: 0 });

/** A server that answers when it is told to. */
function server() {
  const asked = [], waiting = [];
  const ask = (question) => { asked.push(question); return new Promise((done) => waiting.push(done)); };
  const answer = async (found) => { waiting.shift()(found); await new Promise(setImmediate); };
  return { ask, asked, answer };
}

test("the newest question is asked when the one before it is answered", async () => {
  const it = board(), { ask, asked, answer } = server(), shown = [];
  for (const question of ["a", "b", "c"]) follow(it, question, ask, (found) => shown.push(found.said));
  assert.deepEqual(asked, ["a"]);
  await answer({ said: "A" });
  assert.deepEqual(asked, ["a", "c"]);
  assert.equal(it.root.dataset.asking, "1");
  await answer({ said: "C" });
  assert.deepEqual(shown, ["A", "C"]);
  assert.equal(it.root.dataset.answers, 2);
  assert.equal(it.root.dataset.asking, "0");
  assert.equal(it.notice.hidden, true);
});

test("an error is said, shows nothing and leaves the next question free", async () => {
  const it = board(), { ask, asked, answer } = server(), shown = [];
  follow(it, "a", ask, (found) => shown.push(found));
  await answer({ error: "no such row" });
  assert.equal(it.notice.textContent, "This did not work: no such row.");
  follow(it, "b", ask, (found) => shown.push(found));
  assert.deepEqual([asked, shown], [["a", "b"], []]);
  it.disposed = true;
  await answer({ said: "B" });
  assert.deepEqual(shown, []);
});

test("a place on the page has one board until it goes", () => {
  const said = [];
  class Board {
    constructor(host, data) { said.push(["made", data]); }
    update(data) { said.push(["told", data]); }
    dispose() { said.push("gone"); }
  }
  const mount = mounting(Board), parentElement = {};
  mount({ parentElement, data: 1 });
  const end = mount({ parentElement, data: 2 });
  end();
  assert.deepEqual(said, [["made", 1], ["told", 1], ["told", 2], "gone"]);
});

test("the pointer's share of an element", () => {
  const element = { getBoundingClientRect: () => ({ left: 10, top: 20, width: 100, height: 50 }) };
  assert.deepEqual(share({ clientX: 60, clientY: 70 }, element), [0.5, 1]);
  assert.deepEqual([clamp(-1, 0, 2), clamp(1, 0, 2), clamp(9, 0, 2)], [0, 1, 2]);
});
