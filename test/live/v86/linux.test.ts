/**
 * Debian's Linux hops between two machines while a program in it checks each page that it writes:
 * firmware, paging with 4 MiB pages, interrupts, and a device state that a BIOS and a kernel have set up.
 */
import { expect, it } from "vitest";
import { Kernels, PageBitmap } from "../../../src/kernels/index.js";
import { LINUX_GUEST_DIR, linuxGuest } from "../../../src/live/guests/linux-guest.js";
import { linuxWorkload } from "../../../src/live/guests/linux-workloads.js";
import { MIB, makeGuest, pageCopier, sleep } from "./support.js";

const HOPS = 6;
const { start, report, judge } = linuxWorkload("dirty", {
  ...{ pages: 1500, fillPages: 500, writesPerSec: 5000, scanEveryMs: 200 },
});

it("Linux hops with equal memory, and its page writer finds nothing wrong", async ({ skip }) => {
  const found = await linuxGuest(process.env.LINUX_GUEST_DIR ?? LINUX_GUEST_DIR);
  if (found.guest === undefined) return skip(found.reason);
  const { boot, ...machine } = found.guest;
  let [source, target] = [await makeGuest({ ...machine, boot }), await makeGuest(machine)];
  expect(source.tracking).toBe("tlb");
  let text = "";
  for (const guest of [source, target]) {
    guest.onSerial((byte) => {
      text += String.fromCharCode(byte);
    });
  }
  const waitFor = async (pattern: RegExp): Promise<void> => {
    const end = performance.now() + 40_000;
    while (!pattern.test(text)) {
      if (performance.now() > end) throw new Error(`no ${pattern} in ${text.slice(-400)}`);
      await sleep(10);
    }
  };
  const kernels = await Kernels.load({ arenaBytes: 2 * MIB });
  const dirty = PageBitmap.create(kernels, source.pages);
  const copy = pageCopier(kernels);
  source.run();
  source.sendSerial(start);
  await waitFor(report);
  for (let hop = 0; hop < HOPS; hop++) {
    expect(target.prepare(source.describe())).toBeUndefined();
    source.enableLogDirty();
    dirty.fill();
    for (let round = 0; round < 3; round++) {
      copy(dirty, source, target);
      await sleep(40);
      source.harvest("ram", dirty);
    }
    copy(dirty, source, target);
    await source.pause();
    source.harvest("ram", dirty);
    copy(dirty, source, target);
    target.loadDeviceState(source.deviceState());
    expect(Buffer.compare(source.memory(), target.memory())).toBe(0);
    source.disableLogDirty();
    target.run();
    [source, target] = [target, source];
    await sleep(100);
  }
  const hopped = text.length;
  source.sendSerial("echo moved $((40 + 2)) times\n");
  await waitFor(/moved 42 times/);
  while (!report.test(text.slice(hopped))) await sleep(10);
  await source.destroy();
  await target.destroy();
  expect(judge(text)).toMatchObject({ sound: true, bad: 0 });
  expect(text).not.toMatch(/BUG|Oops|segfault|panic|stall/);
});
