/** One machine on the page: whether a guest is there, what it counts, and its serial port. */
import { formatBytes } from "../../base/units.js";
import type { Pulse } from "../messages.js";
import type { SerialJudge } from "../serial-judge.js";
import { count, element } from "./dom.js";

const LINES = 5;
/** Speeds are of about the last second, in pulses. */
const SPEED_PULSES = 10;

export class Pane {
  readonly root: HTMLElement;
  private readonly pill = element("span", { class: "pill" }, "empty");
  private readonly counter = element("div", { class: "counter", "aria-label": "Counter" }, "–");
  private readonly facts = element("p", { class: "facts" });
  private readonly serial = element("pre", { class: "serial", "aria-hidden": "true" });
  private readonly speeds: { atMs: number; instructions: number }[] = [];
  private lines = "";

  constructor(readonly name: string) {
    const title = element("h2", {}, name);
    this.root = element(
      "article",
      { class: "card pane", "data-phase": "empty", "aria-label": name },
      element("header", {}, title, this.pill),
      this.counter,
      this.facts,
      this.serial,
    );
  }

  /** @param judge of the guest's reports, where the guest is here; else undefined. */
  show(pulse: Pulse, judge: SerialJudge | undefined): void {
    this.root.dataset.phase = pulse.phase;
    this.pill.textContent = wordsFor(pulse);
    this.print(pulse.serial);
    if (pulse.phase === "empty") {
      this.facts.textContent = this.lines === "" ? "No guest." : "The guest has left.";
      this.speeds.length = 0;
    } else if (pulse.phase === "arriving") {
      const received = formatBytes(pulse.bytesReceived);
      this.facts.textContent = `${received} came, ${count(pulse.pagesChecked)} pages were checked on arrival.`;
    } else if (judge !== undefined) {
      this.showGuest(pulse, judge);
    }
  }

  private showGuest(pulse: Pulse, { last, sound, missing, repeated }: SerialJudge): void {
    this.counter.textContent = count(last?.n ?? 0);
    const mips = count(Math.round(this.instructionsPerSec(pulse) / 1e6));
    const bad = last?.bad ?? 0;
    const checks = sound
      ? "No count was missed or repeated, and every page checked out."
      : `${missing} counts missing, ${repeated} repeated, ${bad} pages bad.`;
    this.facts.replaceChildren(
      `${formatBytes(pulse.memoryBytes)}, ${mips} million instructions a second, ` +
        `${count(last?.writes ?? 0)} writes. `,
      element("span", { class: sound ? "good" : "bad" }, checks),
    );
  }

  private print(serial: string): void {
    if (serial === "") return;
    this.lines = `${this.lines}${serial}`
      .split("\n")
      .slice(-LINES - 1)
      .join("\n");
    this.serial.textContent = this.lines.trimEnd();
  }

  private instructionsPerSec({ instructions }: Pulse): number {
    const atMs = performance.now();
    const { speeds } = this;
    speeds.push({ atMs, instructions });
    if (speeds.length > SPEED_PULSES) speeds.shift();
    const first = speeds[0] as { atMs: number; instructions: number };
    if (atMs <= first.atMs) return 0;
    return Math.max(0, ((instructions - first.instructions) * 1000) / (atMs - first.atMs));
  }
}

function wordsFor({ phase, turning }: Pulse): string {
  if (phase === "leaving") return turning ? "runs, being moved" : "stands still";
  return phase;
}
