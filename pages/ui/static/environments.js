// The environments of engines/imitation/environments.py, for the hand: the same equations, tested against them.
// state -> step(state, action) = [state, reward, ended]; start(u) from uniform numbers; shapes(state, action) to draw.

const clip = (value, low, high) => Math.min(high, Math.max(low, value));
const wrap = (angle) => ((angle + Math.PI) % (2 * Math.PI) + 2 * Math.PI) % (2 * Math.PI) - Math.PI;

const pendulum = {
  limit: 200, dt: 0.05, size: 2, bound: 2, choices: 0, extent: [-1.3, 1.3, -1.3, 1.3],
  start: (u) => [(2 * u[0] - 1) * Math.PI, 2 * u[1] - 1],
  step([angle, velocity], action) {
    const torque = clip(action, -2, 2), off = wrap(angle);
    const cost = off ** 2 + 0.1 * velocity ** 2 + 0.001 * torque ** 2;
    const v = clip(velocity + (15 * Math.sin(angle) + 3 * torque) * 0.05, -8, 8);
    return [[angle + v * 0.05, v], -cost, false];
  },
  shapes([angle], action) {
    // Gymnasium draws a growing angle counter-clockwise from upright.
    const tip = [-Math.sin(angle), Math.cos(angle)], force = clip(action, -2, 2);
    const arc = Array.from({ length: 21 }, (_, i) => Math.PI / 2 + force * 0.55 * (i / 20)).map((a) => [0.45 * Math.cos(a), 0.45 * Math.sin(a)]);
    return [
      { circle: [0, 0, 1.02], colour: "@muted", filled: false, width: 1 },
      { line: [[0, 0], tip], colour: "@who", width: 12 },
      { circle: [...tip, 0.09], colour: "@who" },
      { circle: [0, 0, 0.05], colour: "@text" },
      ...(Math.abs(force) > 0.02 ? [{ line: arc, colour: "@bound", width: 4 }, { circle: [...arc[20], 0.045], colour: "@bound" }] : []),
    ];
  },
};

const cartpole = {
  limit: 500, dt: 0.02, size: 4, bound: 1, choices: 2, extent: [-2.6, 2.6, -0.5, 1.3],
  start: (u) => u.map((one) => (2 * one - 1) * 0.05),
  step([x, speed, angle, turn], action) {
    const force = action === 1 ? 10 : -10, cos = Math.cos(angle), sin = Math.sin(angle);
    const push = (force + 0.05 * turn ** 2 * sin) / 1.1;
    const turning = (9.8 * sin - cos * push) / (0.5 * (4 / 3 - 0.1 * cos ** 2 / 1.1));
    const moving = push - 0.05 * turning * cos / 1.1;
    const state = [x + 0.02 * speed, speed + 0.02 * moving, angle + 0.02 * turn, turn + 0.02 * turning];
    return [state, 1, Math.abs(state[0]) > 2.4 || Math.abs(state[2]) > 12 * 2 * Math.PI / 360];
  },
  shapes([x, , angle], action) {
    const tip = [x + Math.sin(angle), 0.12 + Math.cos(angle)], side = action === 1 ? 1 : -1;
    return [
      { line: [[-2.4, -0.12], [2.4, -0.12]], colour: "@muted", width: 2 },
      ...[-2.4, 2.4].map((edge) => ({ line: [[edge, -0.2], [edge, 0.1]], colour: "@muted", width: 2 })),
      { polygon: [[x - 0.26, -0.1], [x + 0.26, -0.1], [x + 0.26, 0.12], [x - 0.26, 0.12]], colour: "@who" },
      { line: [[x, 0.12], tip], colour: "@text", width: 7 },
      { circle: [...tip, 0.06], colour: "@text" },
      ...(action === null ? [] : [{ line: [[x + side * 0.32, 0.01], [x + side * 0.62, 0.01]], colour: "@bound", width: 4 }, { circle: [x + side * 0.62, 0.01, 0.045], colour: "@bound" }]),
    ];
  },
};

const height = (x) => 0.45 * Math.sin(3 * x) + 0.55;

const mountainCar = {
  limit: 999, dt: 0.02, size: 2, bound: 1, choices: 0, extent: [-1.25, 0.65, -0.02, 1.25],
  start: (u) => [-0.6 + 0.2 * u[0], 0],
  step([place, rolling], action) {
    const force = clip(action, -1, 1);
    let speed = clip(rolling + 0.0015 * force - 0.0025 * Math.cos(3 * place), -0.07, 0.07);
    const x = clip(place + speed, -1.2, 0.6);
    if (x === -1.2 && speed < 0) speed = 0;
    const ended = x >= 0.45 && speed >= 0;
    return [[x, speed], (ended ? 100 : 0) - 0.1 * action ** 2, ended];
  },
  shapes([x], action) {
    const y = height(x) + 0.045, force = clip(action, -1, 1);
    const road = Array.from({ length: 91 }, (_, i) => -1.2 + 0.02 * i).map((at) => [at, height(at)]);
    return [
      { line: road, colour: "@muted", width: 2 },
      { line: [[0.45, height(0.45)], [0.45, height(0.45) + 0.2]], colour: "@text", width: 2 },
      { polygon: [[0.45, height(0.45) + 0.2], [0.45, height(0.45) + 0.13], [0.54, height(0.45) + 0.165]], colour: "@c2" },
      { circle: [x, y, 0.055], colour: "@who" },
      ...(Math.abs(force) > 0.02 ? [{ line: [[x + 0.07 * Math.sign(force), y], [x + 0.07 * Math.sign(force) + 0.14 * force, y]], colour: "@bound", width: 4 }] : []),
    ];
  },
};

const acrobot = {
  limit: 500, dt: 0.06, size: 4, bound: 1, choices: 3, extent: [-2.2, 2.2, -2.2, 2.2],
  shapes([a1, a2], action) {
    const elbow = [Math.sin(a1), -Math.cos(a1)], tip = [elbow[0] + Math.sin(a1 + a2), elbow[1] - Math.cos(a1 + a2)];
    return [
      { line: [[-2.2, 1], [2.2, 1]], colour: "@c2", width: 2 },
      { line: [[0, 0], elbow], colour: "@who", width: 9 },
      { line: [elbow, tip], colour: "@who", width: 9 },
      { circle: [0, 0, 0.08], colour: "@text" },
      { circle: [...elbow, 0.1], colour: action === 1 || action === null ? "@text" : "@bound" },
    ];
  },
};

// Each part of the body hangs on another: [parent, where on it, which joint turns it, middle of its bar, its lean, half its length].
const PARTS = [
  [null, [0, 0], 2, [0, 0], Math.PI / 2, 0.5], // back
  [0, [0, 0], null, [0.6, 0.1], 0.87, 0.15], // head
  [0, [-0.5, 0], 3, [0.1, -0.13], -3.8, 0.145], // hind thigh
  [2, [0.16, -0.25], 4, [-0.14, -0.07], -2.03, 0.15], // hind shin
  [3, [-0.28, -0.14], 5, [0.03, -0.097], -0.27, 0.094], // hind foot
  [0, [0.5, 0], 6, [-0.07, -0.12], 0.52, 0.133], // fore thigh
  [5, [-0.14, -0.24], 7, [0.065, -0.09], -0.6, 0.106], // fore shin
  [6, [0.13, -0.18], 8, [0.045, -0.07], -0.6, 0.07], // fore foot
];

const halfcheetah = {
  limit: 1000, dt: 0.05, size: 18, bound: 1, choices: 0, extent: [-1.5, 1.5, -0.25, 1.35],
  /** The ends of each bar, (x, height), for the first nine numbers of a state: the model file's tree, by its joints. */
  bars(state) {
    const made = [], bars = [];
    for (const [parent, at, joint, middle, lean, half] of PARTS) {
      const on = parent === null ? { x: state[0], z: 0.7 + state[1], turn: 0 } : made[parent];
      const turned = ([x, z], t) => [x * Math.cos(t) + z * Math.sin(t), z * Math.cos(t) - x * Math.sin(t)];
      const [dx, dz] = turned(at, on.turn), turn = on.turn + (joint === null ? 0 : state[joint]);
      const part = { x: on.x + dx, z: on.z + dz, turn };
      made.push(part);
      const [mx, mz] = turned(middle, turn), [ex, ez] = [half * Math.sin(turn + lean), half * Math.cos(turn + lean)];
      bars.push([[part.x + mx - ex, part.z + mz - ez], [part.x + mx + ex, part.z + mz + ez]]);
    }
    return bars;
  },
  shapes(state) {
    const here = (x) => x - state[0], first = Math.ceil(state[0] - 6);
    const marks = Array.from({ length: 12 }, (_, i) => first + i);
    return [
      { line: [[-9, 0], [9, 0]], colour: "@muted", width: 2 },
      ...marks.map((x) => ({ line: [[here(x), 0], [here(x), x % 5 ? -0.05 : -0.14]], colour: "@muted", width: 2 })),
      ...marks.filter((x) => x % 5 === 0).map((x) => ({ text: [here(x), -0.17, `${x} m`], colour: "@muted" })),
      ...this.bars(state).map((bar) => ({ line: bar.map(([x, z]) => [here(x), z]), colour: "@who", thick: 0.092 })),
    ];
  },
};

export const ENVIRONMENTS = { pendulum, cartpole, "mountain-car": mountainCar, acrobot, halfcheetah };
