/**
 * The tiny guest goes back and forth between two machines, pre-copied by the log: memory is equal at
 * every switch, its own checks find nothing bad, and its reports have no gap.
 */
import { expect, it } from "vitest";
import { Kernels, PageBitmap } from "../../../src/kernels/index.js";
import { tinyGuest } from "../../../src/live/guests/tiny.js";
import { parseTinyReports } from "../../../src/live/guests/tiny-reports.js";
import type { V86Guest } from "../../../src/live/v86/index.js";
import { MIB, makeGuest, pageCopier, sleep } from "./support.js";

const HOPS = 24;

it.each(["tlb", "hash"] as const)(
  "memory and reports stay whole, with a log by %s",
  async (tracking) => {
    const { image, commandLine } = tinyGuest({
      ...{ pattern: "uniform", pages: 600, fillPages: 200, writesPerSec: 20_000 },
      ...{ scanEveryMs: 20, wakesPerSec: 1000 },
    });
    const machine = { tracking, memoryBytes: 16 * MIB };
    const boot = { multiboot: image, cmdline: commandLine };
    let [source, target] = [await makeGuest({ ...machine, boot }), await makeGuest(machine)];
    let text = "";
    for (const guest of [source, target]) {
      guest.onSerial((byte) => {
        text += String.fromCharCode(byte);
      });
    }
    const kernels = await Kernels.load({ arenaBytes: MIB });
    const dirty = PageBitmap.create(kernels, source.pages);
    const copy = pageCopier(kernels);
    source.run();
    while (parseTinyReports(text).reports.length < 2) await sleep(5);
    for (let hop = 0; hop < HOPS; hop++) {
      expect(target.prepare(source.describe())).toBeUndefined();
      source.enableLogDirty();
      dirty.fill();
      copy(dirty, source, target);
      await sleep(10);
      source.harvest("ram", dirty);
      copy(dirty, source, target);
      // A rehearsal with the state of a moment that is not the last.
      target.loadDeviceState(await paused(source, () => source.deviceState()));
      await sleep(5);
      await source.pause();
      source.harvest("ram", dirty);
      copy(dirty, source, target);
      target.loadDeviceState(source.deviceState());
      expect(Buffer.compare(source.memory(), target.memory())).toBe(0);
      source.disableLogDirty();
      target.run();
      [source, target] = [target, source];
    }
    const seen = parseTinyReports(text).reports.length;
    while (parseTinyReports(text).reports.length < seen + 4) await sleep(5);
    await source.destroy();
    await target.destroy();
    const { missing, repeated, bad, wrongLines, starts, sound, reports } = parseTinyReports(text);
    expect({ missing, repeated, bad, wrongLines, starts, sound }).toEqual({
      ...{ missing: [], repeated: [], bad: 0, wrongLines: [], starts: 1, sound: true },
    });
    expect(reports.at(-1)?.scans).toBeGreaterThan(2);
  },
);

/** What a guest says that runs and is stopped for it. */
async function paused<T>(guest: V86Guest, ask: () => T): Promise<T> {
  await guest.pause();
  const answer = ask();
  guest.resume();
  return answer;
}
