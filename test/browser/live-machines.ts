/**
 * Machines in workers of a bare page, by name, and what the browser tests do with them. Functions
 * that run in the page are handed over as text, so they use nothing of this file.
 */
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { parseTinyReports, type TinyReports } from "../../src/live/guests/tiny-reports.js";
import type { LiveResult } from "../../src/live/live-result.js";
import type {
  BootOptions,
  GuestWorker,
  MigrateOptions,
  Phase,
  ReceiveOptions,
} from "../../src/web/index.js";
import type { BareWindow } from "./live-bench.js";

export interface Counted {
  /** Reports that came while it was watched. */
  readonly counted: number;
  readonly sound: boolean;
}

export interface Machines {
  join(one: string, other: string): Promise<void>;
  boot(name: string, options: Partial<BootOptions>): Promise<void>;
  receive(name: string, options?: ReceiveOptions): Promise<void>;
  migrate(name: string, options: MigrateOptions): Promise<LiveResult>;
  cancel(name: string): Promise<boolean>;
  terminate(name: string): void;
  /** When a move away from here has finished this many rounds. */
  round(name: string, rounds: number): Promise<void>;
  /** Waits for so many more reports. */
  count(name: string, reports: number): Promise<Counted>;
  /** When a guest runs there. */
  running(name: string): Promise<void>;
  /** What came over the serial port in the guest's last stay there, whether it is over or not. */
  lastStay(name: string): string;
  /** All that came over the serial port there. */
  serial(name: string): string;
  phases(): Record<string, Phase>;
  refusals(name: string): string[];
}

declare global {
  interface Window {
    machines: Machines;
    /** About two seconds for the first round, so that there is time within the rounds. */
    slow: { readonly bandwidthBytesPerSec: number };
  }
}

/** Makes `window.machines` with one worker for each name. */
export async function installMachines(page: Page, names: readonly string[]): Promise<void> {
  await page.evaluate(install, [...names]);
}

async function install(names: string[]): Promise<void> {
  const { GuestWorker, SerialJudge, parseTinyReports } = (window as unknown as BareWindow).web;
  const v86 = { module: "/v86/libv86.mjs", wasm: "/v86/v86.wasm" };
  const made = async () => {
    const seen = {
      serial: "",
      /** Where in it the guest's present stay begins: it counted on elsewhere in between. */
      stayAt: 0,
      stayBefore: 0,
      judge: new SerialJudge(),
      phase: "empty" as Phase,
      rounds: 0,
      refusals: [] as string[],
    };
    const worker = await GuestWorker.open({
      worker: "/worker.js",
      v86,
      news(news) {
        if (news.kind === "refused") seen.refusals.push(news.reason);
        if (news.kind === "progress") seen.rounds = news.rounds.length;
        if (news.kind !== "pulse") return;
        seen.serial += news.pulse.serial;
        seen.judge.add(news.pulse.serial);
        seen.phase = news.pulse.phase;
        if (seen.phase !== "empty" || seen.stayAt === seen.serial.length) return;
        seen.stayBefore = seen.stayAt;
        seen.stayAt = seen.serial.length;
        seen.judge = new SerialJudge();
      },
    });
    return { worker, seen };
  };
  const all = new Map<
    string,
    { worker: GuestWorker; seen: Awaited<ReturnType<typeof made>>["seen"] }
  >();
  await Promise.all(names.map(async (name) => all.set(name, await made())));
  const at = (name: string) => {
    const found = all.get(name);
    if (found === undefined) throw new Error(`no machine ${name}`);
    return found;
  };
  const until = async (what: string, holds: () => boolean) => {
    for (let i = 0; !holds(); i++) {
      if (i > 1_500) throw new Error(`waited 30 s for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  window.slow = { bandwidthBytesPerSec: 8 * 2 ** 20 };
  window.machines = {
    join: (one, other) => GuestWorker.join(at(one).worker, at(other).worker),
    boot: (name, options) => at(name).worker.boot({ memoryBytes: 16 * 2 ** 20, ...options }),
    receive: (name, options) => at(name).worker.receive(options),
    migrate(name, options) {
      at(name).seen.rounds = 0;
      return at(name).worker.migrate(options);
    },
    cancel: (name) => at(name).worker.cancel(),
    terminate: (name) => at(name).worker.terminate(),
    round: (name, rounds) => until(`round ${rounds}`, () => at(name).seen.rounds >= rounds),
    async count(name, reports) {
      const { seen } = at(name);
      const { judge } = seen;
      const before = judge.reports;
      await until(`${reports} reports`, () => judge.reports >= before + reports);
      const { sound } = parseTinyReports(seen.serial.slice(seen.stayAt));
      return { counted: judge.reports - before, sound: sound && judge.sound };
    },
    running: (name) => until("a guest", () => at(name).seen.phase === "running"),
    lastStay(name) {
      const { serial, stayAt, stayBefore } = at(name).seen;
      return stayAt === serial.length ? serial.slice(stayBefore) : serial.slice(stayAt);
    },
    serial: (name) => at(name).seen.serial,
    phases: () => Object.fromEntries([...all].map(([name, { seen }]) => [name, seen.phase])),
    refusals: (name) => at(name).seen.refusals,
  };
}

/** The guest's whole journey, by what it said on the way. */
export interface Journey extends TinyReports {
  /** Reports since the last hop. */
  readonly countedHere: number;
}

const journeys = new WeakMap<Page, { text: string; read: Record<string, number> }>();

/** Moves between two machines of a page, with the digest compared, and reads the journey so far. */
export async function hop(
  page: Page,
  { from, to, ...options }: { from: string; to: string } & MigrateOptions,
): Promise<{ result: LiveResult; journey: Journey }> {
  await page.evaluate((name) => window.machines.count(name, 5), from);
  const result = await page.evaluate(
    ([name, wishes]) => window.machines.migrate(name, { verify: true, ...wishes }),
    [from, options] as const,
  );
  await page.evaluate((name) => window.machines.running(name), to);
  const after = await page.evaluate((name) => window.machines.count(name, 10), to);
  expect(after.sound).toBe(true);
  const known = journeys.get(page) ?? { text: "", read: {} };
  journeys.set(page, known);
  for (const name of [from, to]) {
    const serial = await page.evaluate((machine) => window.machines.serial(machine), name);
    known.text += serial.slice(known.read[name] ?? 0);
    known.read[name] = serial.length;
  }
  return { result, journey: { ...parseTinyReports(known.text), countedHere: after.counted } };
}

/** Runs in the page: cancels the move of "a" when its first round is over, and watches it go on. */
export async function cancelInRounds() {
  const moving = window.machines.migrate("a", { strategy: "pre-copy", ...window.slow });
  await window.machines.round("a", 1);
  await window.machines.cancel("a");
  const { outcome, stopReason } = await moving;
  return { outcome, stopReason, ...(await window.machines.count("a", 10)) };
}

/** Not random: the tests say which is which. */
export function secretOf(first: number): Uint8Array {
  return Uint8Array.from({ length: 16 }, (_, i) => first + i);
}

/** One line a move, for those who read the tests' output. */
export function report(what: string, result: LiveResult): void {
  const ms = (ns: number) => `${(ns / 1e6).toFixed(1)} ms`;
  console.log(
    `${what}: ${result.rounds.length} rounds, ${result.pagesSent} pages, downtime ` +
      `${ms(result.live.downtimeWithoutVerifyNs)} and ${ms(result.live.verifyNs)} for the digests, ` +
      `total ${ms(result.totalNs)}, guest share ${(result.live.guestShare * 100).toFixed(0)} %`,
  );
}
