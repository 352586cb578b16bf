/** The way between the two machines: how much has gone, how fast, and which way. */
import { formatBytes, formatDuration, formatRate } from "../../base/units.js";
import type { LiveProgress } from "../../live/live-progress.js";
import { element } from "./dom.js";

export class Way {
  readonly root: HTMLElement;
  private readonly arrow = element("div", { class: "arrow", "aria-hidden": "true" }, "→");
  private readonly done = element("div", { class: "done" });
  private readonly rate = element("div", { class: "rate" });
  private readonly left = element("div", { class: "left" });
  private mostBytes = 0;

  constructor() {
    const track = element("div", { class: "track" }, this.done);
    this.root = element("div", { class: "way" }, this.arrow, track, this.rate, this.left);
  }

  begin(backward: boolean): void {
    this.root.classList.toggle("backward", backward);
    this.arrow.textContent = backward ? "←" : "→";
    this.mostBytes = 0;
    this.fill(0);
    this.rate.textContent = "";
    this.left.textContent = "";
  }

  show({ bytesPerSec, expectedDowntimeNs }: LiveProgress, unsentBytes: number): void {
    this.mostBytes = Math.max(this.mostBytes, unsentBytes);
    this.fill(this.mostBytes === 0 ? 0 : 1 - unsentBytes / this.mostBytes);
    this.rate.textContent = formatRate(bytesPerSec);
    this.left.textContent = `${formatBytes(unsentBytes)} left; a pause now: ${formatDuration(expectedDowntimeNs)}`;
  }

  end(moved: boolean): void {
    this.fill(moved ? 1 : 0);
    this.rate.textContent = "";
    this.left.textContent = moved ? "moved" : "not moved";
  }

  private fill(share: number): void {
    this.done.style.transform = `scaleX(${Math.min(1, Math.max(0, share)).toFixed(3)})`;
  }
}
