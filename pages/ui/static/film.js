// The pictures that have arrived, in the order of their steps. No DOM here: tests/js runs it under node.

export const MAX_FRAMES = 4000; // beyond this every second one goes, never the ends

export class Film {
  constructor() {
    this.frames = [];
  }

  get length() { return this.frames.length; }

  get last() { return this.frames.at(-1); }

  at(index) { return this.frames[index]; }

  /** Take what is newer than the last one; gives how many were. What comes twice, after a lost connection, is left. */
  arrive(frames) {
    const before = this.length;
    for (const frame of frames) if (!this.length || frame.step > this.last.step) this.frames.push(frame);
    return this.length - before;
  }

  /** Where there are too many, every second one goes; gives whether any did. */
  thin(most = MAX_FRAMES) {
    if (this.length <= most) return false;
    this.frames = this.frames.filter((_, i) => i % 2 === 0 || i === this.length - 1);
    return true;
  }

  /** The index of the newest frame that is not after `step`; 0 where all are. */
  indexOf(step) {
    let low = 0, high = this.length; // the first frame after `step` lies in low..high
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.frames[middle].step > step) high = middle;
      else low = middle + 1;
    }
    return Math.max(0, low - 1);
  }
}
