// What one scrolls past is not read: it would be out of sight before it came.

const SETTLES_MS = 80;

/** Runs what is asked for at once after a rest; else the newest, as soon as there is a rest. */
export class Settling {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private askedAt = Number.NEGATIVE_INFINITY;

  run(act: () => void): void {
    this.stop();
    const now = performance.now();
    const hasRested = now - this.askedAt >= SETTLES_MS;
    this.askedAt = now;
    if (hasRested) act();
    else this.timer = setTimeout(act, SETTLES_MS);
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}
