/** One line on a terminal that is written over again and again; nothing where there is none. */
import type { CliIo } from "./io.js";

const CLEAR = "\r\u001b[2K";
const UPDATE_MS = 100;
const WIDTH_DEFAULT = 80;

export class LiveLine {
  private readonly enabled: boolean;
  private shown = false;
  private drawnMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly io: CliIo) {
    this.enabled = io.stderr.isTTY === true && io.env.TERM !== "dumb";
  }

  /** True when it is time to draw again: asks before the text is made. */
  due(): boolean {
    return this.enabled && this.io.nowMs() - this.drawnMs >= UPDATE_MS;
  }

  draw(text: string): void {
    if (!this.enabled) return;
    const width = (this.io.stderr.columns ?? WIDTH_DEFAULT) - 1;
    this.io.stderr.write(CLEAR + text.slice(0, Math.max(0, width)));
    this.shown = true;
    this.drawnMs = this.io.nowMs();
  }

  clear(): void {
    if (!this.shown) return;
    this.io.stderr.write(CLEAR);
    this.shown = false;
  }
}
