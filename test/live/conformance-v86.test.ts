/** A guest on v86 keeps what the ports promise, and its own checks find nothing wrong with it. */
import { describe, expect, it } from "vitest";
import { Kernels } from "../../src/kernels/index.js";
import { tinyGuest } from "../../src/live/guests/tiny.js";
import { parseTinyReports } from "../../src/live/guests/tiny-reports.js";
import type { LoadedEmulator } from "../../src/live/v86/emulator.js";
import type { V86Guest } from "../../src/live/v86/index.js";
import {
  type PortsHarness,
  type PortsPair,
  portsArenaBytes,
  portsConformance,
} from "../../src/migrate/conformance/index.js";
import { le32, makeGuest, sleep } from "./v86/support.js";

const PAGE_BYTES = 4096;
const { image, commandLine: cmdline } = tinyGuest({
  pattern: "hot",
  pages: 800,
  fillPages: 300,
  writesPerSec: 5000,
  scanEveryMs: 100,
});

async function open(tracking: "tlb" | "hash"): Promise<PortsPair<Uint8Array>> {
  const source = await makeGuest({ tracking, boot: { multiboot: image, cmdline } });
  const target = await makeGuest({ tracking });
  const said = { source: listen(source), target: listen(target) };
  let writes = 0;
  source.resume();
  return {
    kernels: Kernels.loadSync({ arenaBytes: portsArenaBytes(source.pages) }),
    source,
    target,
    contents: (pages) => new Uint8Array(pages * PAGE_BYTES),
    equal: (a, i, b, j) => entry(a, i).equals(entry(b, j)),
    pass: (elapsedNs) => sleep(elapsedNs / 1e6),
    progress: (at) => parseTinyReports(said[at]()).reports.at(-1)?.n ?? 0,
    write: (pages) => {
      // As a device does: in the machine's memory, past the guest.
      const { cpu } = (source as unknown as { loaded: LoadedEmulator }).loaded.emulator.v86;
      const word = Uint8Array.from(le32(++writes));
      for (const page of pages) cpu.write_blob(word, page * PAGE_BYTES + PAGE_BYTES / 2);
    },
    close: async () => {
      await source.destroy();
      await target.destroy();
      const { wrongLines, bad, missing, repeated } = parseTinyReports(
        said.source() + said.target(),
      );
      expect({ wrongLines, bad, missing, repeated }).toEqual({
        wrongLines: [],
        bad: 0,
        missing: [],
        repeated: [],
      });
    },
  };
}

describe.each(["tlb", "hash"] as const)("a guest on v86, logged by %s,", (tracking) => {
  const harness: PortsHarness<Uint8Array> = {
    open: () => open(tracking),
    busyNs: 5_000_000,
    // What else the machine does takes time from the guest.
    steadyTime: false,
    directWrites: true,
    oneSize: true,
  };
  for (const { name, run } of portsConformance(harness)) it(name, run);
});

/** All that the guest has said on its serial port so far. */
function listen(guest: V86Guest): () => string {
  let text = "";
  guest.onSerial((byte) => {
    text += String.fromCharCode(byte);
  });
  return () => text;
}

function entry(contents: Uint8Array, i: number): Buffer {
  return Buffer.from(contents.buffer, contents.byteOffset + i * PAGE_BYTES, PAGE_BYTES);
}
