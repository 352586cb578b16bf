/**
 * Linux that runs with all its memory absent: kernel, page tables, file cache and processes come page
 * by page as they are used, while absent pages hold a pattern.
 */
import { expect, it } from "vitest";
import { linuxWorkload } from "../../../src/live/guests/linux-workloads.js";
import { type AbsentPages, V86Guest } from "../../../src/live/v86/index.js";
import { linuxMachineOptions, withLinux } from "../guests/linux-machine.js";

const POISON = new Uint8Array(4096).fill(0xa5);

it("finds every page that it uses, and its processes find nothing wrong", async ({ skip }) => {
  const dirty = linuxWorkload("dirty", { pages: 2000, fillPages: 1000, scanEveryMs: 200 });
  const gzip = linuxWorkload("gzip");
  const missing = await withLinux(async ({ guest: source, text: before, send, waitFor }) => {
    send(dirty.start);
    send(gzip.start);
    await waitFor(/dirty n=\d+ .* scans=[1-9]/);
    await waitFor(gzip.report);
    await source.pause();
    const image = source.memory().slice();
    const pageOf = (pfn: number) => image.subarray(pfn * 4096, (pfn + 1) * 4096);

    const target = await V86Guest.create(await linuxMachineOptions());
    try {
      expect(target.prepare(source.describe())).toBeUndefined();
      target.memory().fill(0xa5);
      target.loadDeviceState(source.deviceState());
      let text = before();
      target.onSerial((byte) => {
        text += String.fromCharCode(byte);
      });
      const waited = new Set<number>();
      const all = Uint32Array.from({ length: target.pages }, (_, pfn) => pfn);
      const absent: AbsentPages = target.awaitPages(all, (pfn) => {
        waited.add(pfn);
        absent.arrive(pfn, pageOf(pfn));
      });
      target.resume();
      const rounds = dirty.judge(text).reports.at(-1)?.scans ?? 0;
      const more = () => (dirty.judge(text).reports.at(-1)?.scans ?? 0) >= rounds + 3;
      target.sendSerial("echo six times seven is $((6 * 7)), on $(uname -sm)\n");
      const answered = () => /^six times seven is 42, on Linux i686\r?\n/m.test(text);
      const end = performance.now() + 45_000;
      while ((!more() || !answered()) && performance.now() < end) {
        await new Promise((wake) => setTimeout(wake, 10));
      }
      await target.pause();
      expect(text).toMatch(/^six times seven is 42, on Linux i686/m);
      expect(text).not.toMatch(/Oops|BUG|panic|segfault/i);
      expect(dirty.judge(text)).toMatchObject({ sound: true, bad: 0, missing: [], repeated: [] });
      expect(gzip.judge(text)).toMatchObject({ sound: true, bad: 0 });
      expect(waited.size).toBeGreaterThan(4000);
      expect(absent.count).toBe(target.pages - waited.size);
      const touched = all.filter(
        (pfn) => !waited.has(pfn) && Buffer.compare(target.page(pfn), POISON) !== 0,
      );
      expect([...touched]).toEqual([]);
    } finally {
      await target.destroy();
    }
  });
  if (missing !== undefined) skip(missing);
});
