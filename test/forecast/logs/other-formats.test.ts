import { describe, expect, it } from "vitest";
import { readSample, readText, sample } from "./sample.js";

const MIB = 2 ** 20;

describe("cloud-hypervisor's log", () => {
  it("finds the iterations, and in its estimate what is dirty over the bandwidth before", () => {
    const { passes, memoryBytes, outcome } = readSample("cloud-hypervisor-7799.log");
    expect(passes.map(({ sentBytes = 0 }) => sentBytes / MIB)).toEqual([6144, 5418, 5418, 5428]);
    expect(passes.map(({ dirtiedPages }) => dirtiedPages)).toEqual(
      [5418, 5418, 5428, undefined].map((mib) => (mib === undefined ? mib : mib * 256)),
    );
    expect(memoryBytes).toEqual({ value: 6144 * MIB, line: 1 });
    expect(outcome.value).toBe("running");
    const told = sample("cloud-hypervisor-7799.log")
      .match(/(?<=est_downtime=)\d+/g)
      ?.map(Number);
    for (let at = 1; at < passes.length; at++) {
      const perSec = passes[at - 1]?.bandwidthBytesPerSec ?? 0;
      const estimateMs = ((passes[at]?.sentBytes ?? 0) / perSec) * 1000;
      expect(Math.abs(estimateMs - (told?.[at] ?? 0))).toBeLessThan(2);
    }
  });

  it("finds the downtime, its goal and its parts", () => {
    const { downtime, settings, totals } = readSample("cloud-hypervisor-7979.log");
    expect(downtime.realNs).toEqual({ value: 298e6, line: 1 });
    expect(settings.downtimeLimitNs).toEqual({ value: 300e6, line: 1 });
    expect(downtime.parts.map(({ value }) => value)).toEqual([269e6, 7e6, 19e6, 1e6]);
    expect(totals.totalNs?.value).toBe(2.2e9);
  });

  it("refuses the line that is cut off, or leaves it out and counts it", () => {
    const text = sample("cloud-hypervisor-7799-cut.log");
    expect(() => readText(text)).toThrow(
      /^some\.log:2: the iteration cannot be read, or is cut off: "/,
    );
    const { passes, skipped } = readText(text, { lenient: true });
    expect(passes).toHaveLength(1);
    expect(skipped.count).toBe(1);
    expect(skipped.first[0]?.line).toBe(2);
  });
});

describe("xc_save's lines", () => {
  it("finds passes of xend.log and does not invent those that the excerpt leaves out", () => {
    const { passes } = readSample("xend-2012.log");
    expect(passes.map(({ number }) => number)).toEqual([1, 2, 3, 12, 13]);
    expect(passes.map(({ sentPages }) => sentPages)).toEqual([28847, 3462, 2701, 341, 42]);
    expect(passes.map(({ skippedPages }) => skippedPages)).toEqual([3921, 2574, 1065, 0, 0]);
    expect(passes[3]?.startNs).toBeUndefined();
    // 555, 564 and 497 Mb/s as xc_save cut them to whole ones.
    const mbps = passes
      .slice(0, 3)
      .map(({ bandwidthBytesPerSec = 0 }) => bandwidthBytesPerSec / 125e3);
    expect(mbps.map(Math.floor)).toEqual([555, 564, 497]);
    // What was dirtied is sent or skipped in the next pass.
    expect(passes[0]?.dirtiedPages).toBe(3462 + 2574);
    expect(passes[1]?.dirtiedPages).toBe(2701 + 1065);
  });

  it("finds the passes of Xen 4, whose figures stand on lines of their own", () => {
    const { passes, memoryBytes } = readSample("xc-save-4.log");
    expect(passes.map(({ phase }) => phase)).toEqual(["live", "live", "live", "pause"]);
    expect(passes.map(({ sentPages }) => sentPages)).toEqual([130_785, 308, 43, undefined]);
    expect(passes.map(({ dirtiedPages }) => dirtiedPages)).toEqual([308, 43, undefined, undefined]);
    expect(memoryBytes?.value).toBe(1_050_624 * 4096);
  });

  it("refuses figures that are cut off", () => {
    const text = sample("xend-2012.log").slice(0, 160);
    expect(() => readText(text)).toThrow(/some\.log:2: the figures of a pass cannot be read/);
  });
});

describe("virsh domjobinfo", () => {
  it("reads what a completed job tells, and no more", () => {
    const { totals, downtime, outcome, passes, settings } = readSample("domjobinfo-completed.txt");
    expect(outcome.value).toBe("completed");
    expect(totals.totalNs).toEqual({ value: 10_194e6, line: 3 });
    expect(totals.sentBytes?.value).toBe(Math.round(903.911 * MIB));
    expect(totals.passes).toEqual({ value: 4, line: 6 });
    expect(downtime.realNs).toEqual({ value: 358e6, line: 8 });
    expect(passes).toEqual([]);
    expect(settings.downtimeLimitNs).toBeUndefined();
  });

  it("parts passes in repeated answers by the iteration", () => {
    const look = (ms: number, sentMib: number, leftMib: number, pages: number, pass: number) =>
      `Job type:         Unbounded   \nOperation:        Outgoing migration\nTime elapsed:     ${ms}         ms\n` +
      `Memory processed: ${sentMib}.000 MiB\nMemory remaining: ${leftMib}.000 MiB\nMemory total:     1.000 GiB\n` +
      `Dirty rate:       1280         pages/s\nPage size:        4096         bytes\nIteration:        ${pass}           \n` +
      `Constant pages:   0           \nNormal pages:     ${pages}           \n\n`;
    const text =
      look(1000, 500, 524, 128_000, 1) +
      look(2000, 1000, 24, 256_000, 1) +
      // 24 MiB left, 50 more sent by the look, 400 MiB were written meanwhile: 374 are left.
      look(2100, 1050, 374, 268_800, 2);
    const { passes, memoryBytes } = readText(text);
    expect(passes[0]).toMatchObject({ number: 1, durationNs: 2.1e9, dirtiedPages: 400 * 256 });
    expect(memoryBytes?.value).toBe(2 ** 30);
  });

  it("passes over Job type: None, and refuses types and values that it does not know", () => {
    expect(() => readText("Job type:         None        \n")).toThrow(/no "Job type:" line/);
    expect(() => readText("Job type: Sideways\n")).toThrow(/some\.log:1: this type of job/);
    const odd = "Job type: Unbounded\nTime elapsed: soon\n";
    expect(() => readText(odd)).toThrow(/some\.log:2: Time elapsed cannot be read/);
    expect(readText(odd, { lenient: true }).skipped.count).toBe(1);
  });
});

describe("KubeVirt's log", () => {
  it("undoes the rates and the seconds that older versions got wrong", () => {
    const { samples, stopReason, outcome, totals, passes } = readSample("kubevirt-stuck.log");
    // 167,181 MiB in 561.972 s are 312 MB/s; the line says 38 Mbps, that is 4.75 MB/s.
    const mean = (167_181 * MIB) / 561.972;
    expect(Math.abs((samples[0]?.bandwidthBytesPerSec ?? 0) / mean - 1)).toBeLessThan(0.05);
    expect((samples[0]?.dirtyPagesPerSec ?? 0) * 4096).toBe(41 * 64 * 125e3);
    expect(stopReason).toEqual({ value: "Live migration stuck for 181 seconds", line: 3 });
    expect(outcome.value).toBe("cancelled");
    expect(totals.passes?.value).toBe(80);
    expect(passes).toEqual([]);
  });

  it("leaves the rates of newer versions as they are, inside JSON too", () => {
    const message =
      "Migration info for 1b2c: TimeElapsed:2000ms DataProcessed:200MiB DataRemaining:800MiB " +
      "DataTotal:1024MiB MemoryProcessed:200MiB MemoryRemaining:800MiB MemoryTotal:1024MiB " +
      "MemoryBandwidth:838Mbps DirtyRate:10Mbps Iteration:1 PostcopyRequests:0 ConstantPages:0 " +
      "NormalPages:51200 NormalData:200MiB ExpectedDowntime:300ms DiskMbps:0";
    const text = JSON.stringify({ component: "virt-launcher", level: "info", msg: message });
    const { samples, downtime, guest } = readText(text);
    expect(samples[0]?.bandwidthBytesPerSec).toBe(838e6 / 8);
    expect(downtime.expectedNs?.value).toBe(300e6);
    expect(guest?.value).toBe("1b2c");
  });

  it("reads a line that a report has wrapped", () => {
    const wrapped = sample("kubevirt-stuck.log").replace(/ (Data|Memory)/g, "\n  $1");
    expect(readText(wrapped).totals).toMatchObject({ passes: { value: 80 } });
  });

  it("refuses lines that are cut off", () => {
    const cut = sample("kubevirt-stuck.log").slice(0, 60);
    expect(() => readText(cut)).toThrow(
      /some\.log:1: the line has no MemoryProcessed, or is cut off/,
    );
  });
});

describe("Proxmox' task log", () => {
  it("reads a whole log of version 8", () => {
    const read = readSample("proxmox-8.log");
    expect(read.outcome).toEqual({ value: "completed", line: 22 });
    expect(read.settings.downtimeLimitNs).toEqual({ value: 100e6, line: 9 });
    expect(read.settings.xbzrleCacheBytes).toEqual({ value: 512 * MIB, line: 10 });
    expect(read.downtime.realNs).toEqual({ value: 73e6, line: 21 });
    expect(read.samples.map(({ elapsedNs = 0 }) => elapsedNs / 1e9)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8,
    ]);
    expect(read.totals.totalNs?.value).toBe(9e9);
    expect(read.memoryBytes?.value).toBe(2 ** 32);
    expect(read.guest?.value).toBe("VM 105 to pve1");
  });

  it("reads one of version 6", () => {
    const { samples, settings, downtime } = readSample("proxmox-6.log");
    expect(samples[0]).toMatchObject({
      transferredBytes: 294_227_312,
      remainingBytes: 155_041_792,
    });
    expect(settings.bandwidthBytesPerSec?.value).toBe(8_589_934_592);
    expect(downtime.realNs?.value).toBe(57e6);
  });

  it("reads excerpts: without beginning or end, and with their dates removed", () => {
    const busy = readSample("proxmox-busy.log");
    expect(busy.outcome.value).toBe("running");
    expect(busy.settings.techniques).toEqual([{ value: "xbzrle", line: 3 }]);
    const stopped = readSample("proxmox-interrupted.log");
    expect(stopped.outcome).toEqual({ value: "cancelled", line: 8 });
    expect(stopped.stopReason?.value).toBe("online migrate failure - interrupted by signal");
    expect(stopped.samples[0]?.elapsedNs).toBeUndefined();
  });

  it("reads the dirty rate and the raised limit where Proxmox tells them", () => {
    const text =
      "2022-03-03 17:48:59 migration active, transferred 40.6 GiB of 32.0 GiB VM-state, 34.5 MiB/s, " +
      "VM dirties lots of memory: 52.0 MiB/s\n" +
      "2022-03-03 17:49:00 auto-increased downtime to continue migration: 400 ms\n";
    const { samples, settings } = readText(text);
    expect(samples[0]?.dirtyPagesPerSec).toBe(52 * 256);
    expect(settings.downtimeLimitNs).toEqual({ value: 400e6, line: 2 });
  });

  it("refuses a progress line that is cut off", () => {
    const whole = sample("proxmox-8.log");
    const text = whole.slice(0, whole.indexOf("735.9 MiB") + 4);
    expect(() => readText(text)).toThrow(
      /some\.log:\d+: the progress cannot be read, or is cut off/,
    );
  });
});
