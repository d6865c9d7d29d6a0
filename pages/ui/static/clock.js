// When the next picture is due. No DOM here.

export const MAX_SPEED = 60; // pictures a second when playing "as fast as possible"

export class Clock {
  constructor(speed = 4) {
    this.speed = speed; // steps per second; null is as fast as it goes
    this.due = 0;
  }

  get rate() { return this.speed ?? MAX_SPEED; }

  start(now) { this.due = now + 1000 / this.rate; }

  /** How many of `left` pictures to go on at `now` (milliseconds): late ones are skipped, not made up for later. */
  steps(now, left) {
    if (left <= 0 || now < this.due) return 0;
    const skip = Math.min(left, Math.max(1, Math.floor(((now - this.due) * this.rate) / 1000) + 1));
    this.due = Math.max(this.due + (skip * 1000) / this.rate, now);
    return skip;
  }
}
