/** What arrives for a guest that has been given: only what is absent still may be written. */
import { describe, expect, it } from "vitest";
import { CodecPipeline } from "../../src/codec/index.js";
import { Kernels } from "../../src/kernels/index.js";
import { ArrivalRoom } from "../../src/live/arrival-room.js";
import { nodeCrypto } from "../../src/live/node-crypto.js";
import { PageChecks } from "../../src/live/page-checks.js";
import { FakeHost, FakeMachine } from "../support/fake-machines.js";

const PAGE_BYTES = 4096;

describe("a batch that comes after the guest was given", () => {
  it("fills the pages that are absent, once, and no other", async () => {
    const machine = new FakeMachine(new FakeHost(1, 16), { faults: true });
    const guest = machine.describe();
    const room = await ArrivalRoom.make(
      { kind: "prepare", guest, codecs: "raw", postCopy: true },
      { crypto: nodeCrypto, createMachine: async () => machine.arrival() },
    );
    const arenaBytes = CodecPipeline.arenaBytes + PageChecks.arenaBytes(4) + 2 ** 18;
    const kernels = Kernels.loadSync({ arenaBytes });
    const pipeline = new CodecPipeline(kernels, []);
    const checks = new PageChecks(kernels, 4);
    const ptr = kernels.allocate(2 * PAGE_BYTES, "pages");
    const pages = Uint32Array.of(5, 9);
    const arrive = async (fill: number) => {
      const contents = kernels.bytes(ptr, 2 * PAGE_BYTES).fill(fill);
      const { frame, packets } = await pipeline.encode(pages, contents);
      const batch = { pages, checks: checks.of(pages, ptr), frame, packets };
      await room.apply({ kind: "pages", region: "ram", urgent: false, ...batch }, true);
    };
    const at = (page: number) => machine.memory[page * PAGE_BYTES];
    room.noteAbsent(Uint32Array.of(9, 1));
    await arrive(7);
    expect([at(5), at(9)]).toEqual([0, 7]);
    expect(room.missing.isEmpty()).toBe(true);
    await arrive(8);
    expect([at(5), at(9)]).toEqual([0, 7]);
  });
});
