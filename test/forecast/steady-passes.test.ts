/** Managers over passes that have settled: skipping the wait changes nothing of what they do. */
import { describe, expect, it } from "vitest";
import { ClassMemory } from "../../src/forecast/class-memory.js";
import { QEMU72_COSTS } from "../../src/forecast/loop-costs.js";
import { SlotMachine } from "../../src/forecast/slot-machine.js";
import type { SlotMemory } from "../../src/forecast/slot-memory.js";
import type { Manager, Progress } from "../../src/policy/manager.js";
import { kubevirt } from "../../src/policy/managers/kubevirt.js";
import { nova } from "../../src/policy/managers/nova.js";
import { proxmox } from "../../src/policy/managers/proxmox.js";
import { qemu102 } from "../../src/policy/presets/qemu102.js";

const PAGES = 30_000;

/** Writes all of 20,000 pages in every pass over a link of 20 MB/s. */
function guest(steady: boolean): SlotMemory {
  const memory = new ClassMemory({
    classes: [
      { pages: 20_000, writesPerPageSec: 3 },
      { pages: PAGES - 20_000, writesPerPageSec: 0 },
    ],
    wroteBeforeSec: 0,
  });
  if (!steady) Object.defineProperty(memory, "steady", { value: false });
  return memory;
}

function run(manager: Manager, steady: boolean) {
  const slots = qemu102.slots;
  if (slots === undefined) throw new Error("QEMU has slots");
  return new SlotMachine({
    ...{ memory: guest(steady), loop: slots, costs: QEMU72_COSTS, manager },
    ...{ linkBytesPerSec: 20e6, downtimeLimitMs: 300, timeoutMs: 20_000_000, guestSec: 0 },
  }).run();
}

const CONTEXT = { memoryBytes: PAGES * 4096, downtimeLimitNs: 3e8 };

function params(factory: typeof nova, changes: object) {
  const defaults = Object.entries(factory.params).map(([name, spec]) => [name, spec.default]);
  return { ...Object.fromEntries(defaults), ...changes };
}

describe("passes that have settled", () => {
  it.each([
    ["kubevirt aborts", kubevirt, { "progress-timeout": 0, "completion-timeout": 1500 }],
    ["kubevirt pauses", kubevirt, { "completion-timeout": 900, "workload-disruption": true }],
    ["nova aborts", nova, { timeout: 700 }],
    ["nova raises its limit until it fits", nova, { downtime: 6_000_000_000, timeout: 0 }],
    ["proxmox doubles its limit until it fits", proxmox, {}],
  ])("%s as it does over passes that are sent one by one", (_what, factory, changes) => {
    const fast = run(factory.create(CONTEXT, params(factory, changes)), true);
    const slow = run(factory.create(CONTEXT, params(factory, changes)), false);
    expect(fast.end).toBe(slow.end);
    expect(fast.managed).toBe(slow.managed);
    expect(fast.downtimeLimitMs).toBe(slow.downtimeLimitMs);
    // A poll falls elsewhere on a pass: the pass in which it acts is the same, or the next.
    expect(Math.abs(fast.totalMs - slow.totalMs)).toBeLessThan(10_000);
  });

  it("shows a manager a saw-tooth of what is left, growing bytes and passes, no gaps", () => {
    const seen: Progress[] = [];
    const watcher: Manager = {
      name: "watcher",
      pollNs: 500_000_000,
      poll: (progress) => {
        seen.push({ ...progress });
        return [];
      },
      describe: () => ({}),
    };
    expect(run(watcher, true).end).toBe("timeout");
    expect(seen.length).toBeGreaterThan(39_000);
    const late = seen.slice(-2000);
    const left = late.map(({ remainingBytes }) => remainingBytes / 4096);
    expect(Math.max(...left)).toBeGreaterThan(15_000);
    expect(Math.min(...left)).toBeLessThan(6000);
    for (const [i, one] of seen.slice(1).entries()) {
      const before = seen[i] as Progress;
      expect(one.elapsedNs - before.elapsedNs).toBeLessThan(1e9);
      expect(one.sentBytes).toBeGreaterThanOrEqual(before.sentBytes);
      expect(one.iteration).toBeGreaterThanOrEqual(before.iteration);
    }
    const bytes = (late.at(-1)?.sentBytes ?? 0) - (late[0]?.sentBytes ?? 0);
    const sec = ((late.at(-1)?.elapsedNs ?? 0) - (late[0]?.elapsedNs ?? 0)) / 1e9;
    expect(bytes / sec / 20e6).toBeCloseTo(1, 1);
  });
});
