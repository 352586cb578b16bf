/**
 * The guests that docs/LIVE-VALIDATION.md is about: the tiny guest with patterns of writes slower and
 * faster than the link, and Linux with programs where it was fetched. Each is started once and
 * kept as a state, from which it is recorded and each of its moves starts.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { V86 } from "v86";
import { LINUX_GUEST_DIR, linuxGuest } from "../../src/live/guests/linux-guest.js";
import { type LinuxWorkloadName, linuxWorkload } from "../../src/live/guests/linux-workloads.js";
import { type TinyGuestOptions, tinyGuest } from "../../src/live/guests/tiny.js";
import { V86Guest, type V86GuestOptions } from "../../src/live/v86/index.js";

export const v86 = {
  V86,
  wasm: readFileSync(createRequire(import.meta.url).resolve("v86/build/v86.wasm")),
};

const MIB = 2 ** 20;
const TINY_BYTES = 32 * MIB;
const REPORT_LIMIT_MS = 60_000;

export type Family = "tiny" | "linux";

export interface Workload {
  readonly family: Family;
  readonly name: string;
  /** What it does, for the page. */
  readonly what: string;
}

type Tiny = Workload & { readonly options: TinyGuestOptions };
type Linux = Workload & { readonly program?: LinuxWorkloadName };

const tiny = (name: string, what: string, options: TinyGuestOptions): Tiny => ({
  ...{ family: "tiny", name, what },
  options: { fillPages: 2_000, ...options },
});

/** Payload a second, with what belongs to it: both runs have so much of the link. */
export const LINKS = [
  { name: "200 Mbit/s", bytesPerSec: 25e6 },
  { name: "1 Gbit/s", bytesPerSec: 125e6 },
];

/** 25 MB/s are 6,100 pages a second, 125 MB/s 30,500. */
export const TINY: readonly Tiny[] = [
  tiny("idle", "asleep but for its timer", { pattern: "idle" }),
  tiny("zipf", "3,000 writes/s by Zipf's law to 3,000 pages", {
    ...{ pattern: "zipf", pages: 3_000, writesPerSec: 3_000 },
  }),
  tiny("hot", "6,000 writes/s, 90 % to 300 of 3,000 pages", {
    ...{ pattern: "hot", pages: 3_000, hotPages: 300, writesPerSec: 6_000 },
  }),
  tiny("sequential", "3,000 writes/s to 3,000 pages in turn", {
    ...{ pattern: "sequential", pages: 3_000, writesPerSec: 3_000 },
  }),
  tiny("uniform", "2,000 writes/s anywhere in 4,000 pages", {
    ...{ pattern: "uniform", pages: 4_000, writesPerSec: 2_000 },
  }),
  tiny("uniform-fast", "12,000 writes/s anywhere in 2,000 pages", {
    ...{ pattern: "uniform", pages: 2_000, writesPerSec: 12_000 },
  }),
];

export const LINUX: readonly Linux[] = [
  { family: "linux", name: "linux", what: "Linux at its shell" },
  { family: "linux", name: "linux gzip", what: "compresses, unpacks, compares", program: "gzip" },
  { family: "linux", name: "linux sqlite", what: "inserts and checks rows", program: "sqlite" },
];

/** A guest at work, stopped. */
export interface Kept {
  readonly workload: Workload;
  readonly options: V86GuestOptions;
  /** By page: holds nothing but zeros. */
  readonly zeroPages: Uint8Array;
}

export async function keep(workload: Tiny | Linux): Promise<Kept> {
  const options = await optionsOf(workload);
  const guest = await V86Guest.create(options);
  let text = "";
  guest.onSerial((byte) => {
    text += String.fromCharCode(byte);
  });
  try {
    guest.resume();
    const report = begin(workload, guest);
    const endMs = performance.now() + REPORT_LIMIT_MS;
    while (report !== undefined && !report.test(text)) {
      if (performance.now() > endMs) throw new Error(`${workload.name} does not report: ${text}`);
      await new Promise((wake) => setTimeout(wake, 10));
    }
    await guest.pause();
    const boot = { state: guest.saveState() };
    return { workload, options: { ...options, boot }, zeroPages: zeroPagesOf(guest) };
  } finally {
    await guest.destroy();
  }
}

async function optionsOf(workload: Tiny | Linux): Promise<V86GuestOptions> {
  const { name } = workload;
  if ("options" in workload) {
    const { image, commandLine } = tinyGuest(workload.options);
    const boot = { multiboot: image, cmdline: commandLine };
    return { ...v86, name, memoryBytes: TINY_BYTES, boot };
  }
  const found = await linuxGuest(linuxFolder());
  if (found.guest === undefined) throw new Error(found.reason);
  return { ...v86, name, ...found.guest };
}

function begin(workload: Tiny | Linux, guest: V86Guest): RegExp | undefined {
  if ("options" in workload) return /tiny n=\d+ .*\n/;
  if (workload.program === undefined) return undefined;
  const { start, report } = linuxWorkload(workload.program);
  guest.sendSerial(start);
  return report;
}

function zeroPagesOf(guest: V86Guest): Uint8Array {
  return Uint8Array.from({ length: guest.pages }, (_, pfn) =>
    guest.page(pfn).some((byte) => byte !== 0) ? 0 : 1,
  );
}

export async function hasLinux(): Promise<boolean> {
  return (await linuxGuest(linuxFolder())).guest !== undefined;
}

export async function linuxFirmware(): Promise<V86GuestOptions["firmware"]> {
  return (await linuxGuest(linuxFolder())).guest?.firmware;
}

function linuxFolder(): string {
  return process.env.LINUX_GUEST_DIR ?? LINUX_GUEST_DIR;
}
