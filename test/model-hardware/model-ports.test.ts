/** The modelled machines behind the ports: disks, host memory, and what they say when it is wrong. */
import { describe, expect, it } from "vitest";
import { PrecopyError } from "../../src/base/errors.js";
import { Kernels, PageBitmap, U32Buffer } from "../../src/kernels/index.js";
import { ModelGuest } from "../../src/model/model-guest.js";
import { ModelSource } from "../../src/model/model-source.js";
import { ModelTarget } from "../../src/model/model-target.js";
import type { DomainSpec } from "../../src/model/spec.js";
import { XenHost } from "../../src/model/xen-host.js";
import { host, small, uniform } from "../support/specs.js";

const PAGES = 200;
const BLOCKS = 50;
const SECOND_NS = 1_000_000_000;
const KEEPS = { foresees: false, trackLastUse: false, movesDisk: true } as const;

function machines(changes: Partial<DomainSpec> = {}) {
  const [domain] = small({ pages: PAGES, activity: uniform(PAGES, 500) }).domains;
  const disk = { blocks: BLOCKS, activity: uniform(BLOCKS, 100) };
  const spec = { ...domain!, deviceStateBytes: 1003, disk, ...changes };
  const arenaBytes =
    ModelGuest.arenaBytes(spec, KEEPS) + ModelTarget.arenaBytes(PAGES, BLOCKS) + 16_384;
  const kernels = Kernels.loadSync({ arenaBytes });
  const guest = new ModelGuest({ kernels, spec, seed: 7, ...KEEPS });
  const [from, to] = [new XenHost(host("a")), new XenHost(host("b"))];
  from.memory.reserve(spec.name, PAGES);
  from.add(spec, guest, 0);
  const source = new ModelSource({ guest, host: from });
  const target = new ModelTarget({ kernels, guest, source: from, target: to, diskBlocks: BLOCKS });
  return { kernels, guest, from, to, source, target };
}

describe("a modelled source", () => {
  it("gives its disk away block by block", () => {
    const { kernels, guest, from, source, target } = machines();
    source.enableLogDirty();
    from.advanceTo(SECOND_NS);
    const log = PageBitmap.create(kernels, BLOCKS);
    expect(source.harvest("disk:0", log)).toBe(log.count());
    const blocks = U32Buffer.create(kernels, BLOCKS);
    const versions = U32Buffer.create(kernels, BLOCKS);
    log.toPages(blocks);
    expect(blocks.length).toBeGreaterThan(BLOCKS / 2);
    source.peek("disk:0", blocks, versions);
    expect([...versions.view()]).toEqual(Array(blocks.length).fill(0));
    source.readPages("disk:0", blocks, versions);
    target.writePages("disk:0", blocks, versions);
    const block = blocks.at(3);
    expect(target.memoryOf("disk:0").version(block)).toBe(guest.disk!.blocks.version(block));
    expect(versions.at(3)).toBeGreaterThan(0);
  });

  it("slows the guest by its host's scheduler, and gives its memory back at the end", () => {
    const { from, guest, source } = machines();
    source.setBrake({ cpuShare: 0.25, stallPerFaultNs: 0, stunAfterFaults: 0 });
    from.advanceTo(SECOND_NS);
    expect(source.virtualNs()).toBe(SECOND_NS / 4);
    source.pause();
    from.advanceTo(2 * SECOND_NS);
    expect(guest.virtualNs()).toBe(SECOND_NS / 4);
    const freePages = from.memory.freePages;
    source.release();
    expect(from.memory.freePages).toBe(freePages + PAGES);
  });
});

describe("a modelled guest's device state", () => {
  it("has the bytes of its spec, and is another one at another instant or of another guest", () => {
    const { from, source } = machines();
    const stateAt = (nowNs: number) => {
      from.advanceTo(nowNs);
      source.pause();
      const state = source.deviceState();
      source.resume();
      return state;
    };
    const first = stateAt(SECOND_NS);
    expect(first.length).toBe(1003);
    expect(stateAt(2 * SECOND_NS)).not.toEqual(first);
    const other = machines({ name: "another" });
    other.from.advanceTo(SECOND_NS);
    other.source.pause();
    expect(other.source.deviceState()).not.toEqual(first);
  });

  it("is checked where it is loaded", () => {
    const { source, target } = machines();
    source.pause();
    const state = source.deviceState();
    expect(() => target.loadDeviceState(state)).not.toThrow();
    expect(() => target.loadDeviceState(state.slice(0, 1000))).toThrow(
      /device state of guest has 1000 bytes instead of 1003/,
    );
    state[1002] = (state[1002]! + 1) & 255;
    expect(() => target.loadDeviceState(state)).toThrow(PrecopyError);
    expect(() => target.loadDeviceState(state)).toThrow(/differs at byte 1002/);
  });

  it("may be empty", () => {
    const { source, target } = machines({ deviceStateBytes: 0 });
    source.pause();
    expect(source.deviceState().length).toBe(0);
    expect(() => target.loadDeviceState(source.deviceState())).not.toThrow();
  });
});

describe("a modelled target", () => {
  it("names what does not fit, with both values, and reserves nothing", () => {
    const { source, target, to } = machines();
    const guest = source.describe();
    expect(target.prepare({ ...guest, version: "2" })).toBe(
      'guest has version "2", and what is built for it "1"',
    );
    expect(target.prepare({ ...guest, pages: 300 })).toMatch(/pages "300".*"200"/);
    expect(to.memory.has("guest")).toBe(false);
    expect(target.prepare(guest)).toBeUndefined();
    expect(to.memory.pagesOf("guest")).toBe(PAGES);
  });

  it("forgets what it received when the move is given up", () => {
    const { kernels, source, target } = machines();
    const page = U32Buffer.create(kernels, 1);
    const version = U32Buffer.create(kernels, 1);
    page.set([5]);
    target.prepare(source.describe());
    target.readPages("ram", page, version);
    const nothing = version.at(0);
    source.readPages("ram", page, version);
    target.writePages("ram", page, version);
    expect(version.at(0)).not.toBe(nothing);
    target.abort();
    target.readPages("ram", page, version);
    expect(version.at(0)).toBe(nothing);
  });
});
