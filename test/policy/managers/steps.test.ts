import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { novaDowntimeSteps } from "../../../src/policy/managers/nova.js";
import { vdsmDowntimesMs } from "../../../src/policy/managers/vdsm.js";
import { drive, GIB, manager, progress, words } from "./drive.js";

/** Half a poll or less after the moment that the rule names. */
const rounded = (done: readonly [number, string][]): [number, string][] =>
  done.map(([sec, word]) => [Math.floor(sec), word]);

describe("nova", () => {
  const docstring = { downtimeMs: 400, steps: 10, delaySecPerGib: 30 } as const;
  const rest = { timeoutSecPerGib: 800, action: "abort", postCopy: false } as const;

  it("has the table of its docstring: 40, 76, 112 ... 400 ms every 90 s for 3 GB", () => {
    const steps = novaDowntimeSteps(3, { ...docstring, ...rest });
    expect(steps.map(({ afterSec }) => afterSec)).toEqual([
      0, 90, 180, 270, 360, 450, 540, 630, 720, 810, 900,
    ]);
    expect(steps.map(({ downtimeMs }) => downtimeMs)).toEqual([
      40, 76, 112, 148, 184, 220, 256, 292, 328, 364, 400,
    ]);
  });

  it("sets each step at the first poll after its time, and aborts after 800 s a GiB", () => {
    const nova = manager("nova", "downtime=400ms,delay=30", 3);
    expect(rounded(drive(nova, () => ({}), 3000))).toEqual([
      [0, "40 ms"],
      [90, "76 ms"],
      [180, "112 ms"],
      [270, "148 ms"],
      [360, "184 ms"],
      [450, "220 ms"],
      [540, "256 ms"],
      [630, "292 ms"],
      [720, "328 ms"],
      [810, "364 ms"],
      [900, "400 ms"],
      [2400, "cancel"],
    ]);
  });

  it("counts a small guest as 2 GiB, and takes 50, 95 ... 500 ms by default", () => {
    const done = rounded(drive(manager("nova", "", 0.5), () => ({}), 1500));
    expect(done.slice(0, 3)).toEqual([
      [0, "50 ms"],
      [150, "95 ms"],
      [300, "140 ms"],
    ]);
    const last = rounded(drive(manager("nova", "", 0.5), () => ({}), 2000)).slice(-2);
    expect(last).toEqual([
      [1500, "500 ms"],
      [1600, "cancel"],
    ]);
  });

  it("forces by a pause, or by post-copy where that is allowed, and then only watches", () => {
    const pause = manager("nova", "timeout=10,timeout-action=force-complete", 2);
    expect(rounded(drive(pause, () => ({}), 60)).slice(-1)).toEqual([[20, "pause"]]);
    const postCopy = manager("nova", "timeout=10,timeout-action=force-complete,post-copy", 2);
    expect(rounded(drive(postCopy, () => ({}), 60)).slice(-1)).toEqual([[20, "post-copy"]]);
  });

  it("without a time-out goes on for ever", () => {
    const done = drive(manager("nova", "timeout=0", 2), () => ({}), 100_000);
    expect(done.map(([, word]) => word)).not.toContain("cancel");
  });
});

describe("proxmox", () => {
  const start = ["17179869184 B/s", "100 ms"];

  it("doubles when the rest grew for the sixth time, and counts anew", () => {
    const proxmox = manager("proxmox", "");
    // Grows at every second poll: 2, 4, 6 ... s; the sixth time is at 12 s.
    const at = (sec: number) => ({
      sentBytes: (sec + 1) * 1000,
      remainingBytes: GIB + (sec % 2 === 0 ? 1 : 0),
    });
    expect(drive(proxmox, at, 40)).toEqual([
      ...start.map((word) => [0, word]),
      [12, "200 ms"],
      [24, "400 ms"],
      [36, "800 ms"],
    ]);
  });

  it("counts nothing left as growth, and a poll without progress as nothing", () => {
    const done = drive(
      manager("proxmox", ""),
      (sec) => ({ sentBytes: 1000 + Math.floor(sec / 2), remainingBytes: 0 }),
      14,
    );
    // Something was sent at 2, 4, 6 ... s, and at the first look.
    expect(done.at(-1)?.[1]).toBe("200 ms");
    const still = drive(manager("proxmox", ""), () => ({ sentBytes: 0, remainingBytes: 0 }), 100);
    expect(still.map(([, word]) => word)).toEqual(start);
  });

  it("never passes QEMU's 2000 s", () => {
    const proxmox = manager("proxmox", "downtime=700s");
    const at = (sec: number) => ({ sentBytes: sec + 1, remainingBytes: GIB + sec });
    expect(drive(proxmox, at, 60).map(([, word]) => word)).toEqual([
      start[0],
      "700000 ms",
      "1400000 ms",
      "2000000 ms",
    ]);
  });

  it("looks ten times as often once less is left than was sent a poll", () => {
    const proxmox = manager("proxmox", "");
    const poll = (sentBytes: number, remainingBytes: number): number => {
      proxmox.poll(progress({ sentBytes, remainingBytes }));
      return proxmox.pollNs;
    };
    poll(0, 5000);
    expect(poll(1000, 4000)).toBe(1_000_000_000); // nothing had been sent before
    expect(poll(2000, 600)).toBe(1_000_000_000); // 1000 in 2 polls: 500
    expect(poll(3000, 600)).toBe(100_000_000); // 2000 in 3 polls: 666
    expect(poll(4000, 9000)).toBe(100_000_000); // and stays so
  });
});

describe("vdsm", () => {
  it("grows as offset + base^i: 100 + 400^(i/4) for 500 ms in 5 steps", () => {
    expect(vdsmDowntimesMs(500, 5)).toEqual([101, 104, 120, 189, 500]);
    expect(vdsmDowntimesMs(300, 3)).toEqual([101, 114, 300]); // 100 + 200^(i/2)
    expect(vdsmDowntimesMs(1000, 2)).toEqual([501, 1000]);
    expect(vdsmDowntimesMs(100, 1)).toEqual([100]);
    // int(offset + base ** i) of CPython 3.11.
    expect(vdsmDowntimesMs(1000, 10)).toEqual([101, 102, 104, 109, 120, 143, 193, 298, 522, 1000]);
    expect(vdsmDowntimesMs(900, 7)).toEqual([129, 131, 137, 156, 212, 383, 900]);
  });

  it("ends at the downtime and never falls", () => {
    const downtime = fc.integer({ min: 100, max: 100_000 });
    fc.assert(
      fc.property(downtime, fc.integer({ min: 1, max: 50 }), (downtimeMs, steps) => {
        const all = vdsmDowntimesMs(downtimeMs, steps);
        const rises = all.every((limit, i) => i === 0 || limit >= (all[i - 1] as number));
        return all.length === steps && all.at(-1) === downtimeMs && rises;
      }),
    );
  });

  it("takes a step a reading from the second on, the last again after 42, then aborts", () => {
    // The first poll after the start finds reading 1; then one more every 10 s.
    const done = drive(manager("vdsm", ""), (sec) => ({ iteration: sec / 10 }), 1000);
    expect(done).toEqual([
      [0, "54525952 B/s"],
      [0, "101 ms"],
      [30, "104 ms"],
      [40, "120 ms"],
      [50, "189 ms"],
      [60, "500 ms"],
      [440, "500 ms"],
      [450, "cancel"],
    ]);
  });

  it("takes one step a poll even when many readings came", () => {
    const done = drive(manager("vdsm", ""), (sec) => ({ iteration: sec }), 50);
    expect(done.slice(2)).toEqual([
      [20, "104 ms"],
      [30, "120 ms"],
      [40, "189 ms"],
      [50, "500 ms"],
    ]);
  });
});

describe("libvirt", () => {
  it("acts once, after the time-out", () => {
    expect(drive(manager("libvirt", "timeout=30s"), () => ({}), 100)).toEqual([[30.5, "pause"]]);
    const postCopy = manager("libvirt", "timeout=30s,action=postcopy");
    expect(drive(postCopy, () => ({}), 100)).toEqual([[30.5, "post-copy"]]);
  });

  it("leaves a guest alone that has switched already", () => {
    const action = manager("libvirt", "timeout=30s").poll(
      progress({ elapsedNs: 1e12, state: "post-copy" }),
    );
    expect(action.map(words)).toEqual([]);
  });
});
