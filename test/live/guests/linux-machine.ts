/** The Linux guest of the cache folder, running on v86, for as long as a test needs it. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { V86 } from "v86";
import { LINUX_GUEST_DIR, linuxGuest } from "../../../src/live/guests/linux-guest.js";
import { V86Guest, type V86GuestOptions } from "../../../src/live/v86/index.js";

const wasmPath = createRequire(import.meta.url).resolve("v86/build/v86.wasm");

export interface LinuxMachine {
  readonly guest: V86Guest;
  /** All that came from its serial port. */
  text(): string;
  send(line: string): void;
  waitFor(pattern: RegExp, from?: number): Promise<RegExpMatchArray>;
}

/** An empty machine like the one that it runs on; only where it was fetched. */
export async function linuxMachineOptions(): Promise<V86GuestOptions> {
  const { guest } = await linuxGuest(process.env.LINUX_GUEST_DIR ?? LINUX_GUEST_DIR);
  const { boot: _, ...machine } = guest as NonNullable<typeof guest>;
  return { V86, wasm: readFileSync(wasmPath), ...machine };
}

/** Undefined and why, where the guest was not fetched: `use` is not called then. */
export async function withLinux(
  use: (machine: LinuxMachine) => Promise<void>,
): Promise<string | undefined> {
  const found = await linuxGuest(process.env.LINUX_GUEST_DIR ?? LINUX_GUEST_DIR);
  if (found.guest === undefined) return found.reason;
  const guest = await V86Guest.create({ V86, wasm: readFileSync(wasmPath), ...found.guest });
  try {
    let text = "";
    guest.onSerial((byte) => {
      text += String.fromCharCode(byte);
    });
    guest.resume();
    await use({
      guest,
      text: () => text,
      send: (line) => guest.sendSerial(line),
      waitFor: (pattern, from = 0) => waitFor(() => text.slice(from), pattern),
    });
  } finally {
    await guest.destroy();
  }
  return undefined;
}

async function waitFor(text: () => string, pattern: RegExp): Promise<RegExpMatchArray> {
  const end = performance.now() + 45_000;
  for (;;) {
    const found = text().match(pattern);
    if (found !== null) return found;
    if (performance.now() > end) throw new Error(`no ${pattern} in ${text().slice(-400)}`);
    await new Promise((wake) => setTimeout(wake, 10));
  }
}
