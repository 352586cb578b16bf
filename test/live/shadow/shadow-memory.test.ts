/** Pages between two threads: none lost, none old, whoever is faster. */
import { afterEach, describe, expect, it } from "vitest";
import { ShadowMemory } from "../../../src/live/shadow/shadow-memory.js";
import { startThread, type Thread } from "./thread.js";

const page = (generation: number) =>
  new Uint8Array(Uint32Array.from({ length: 1024 }, () => generation).buffer);
const generation = (memory: ShadowMemory, pfn: number) => memory.page(pfn)[0];

function takeAll(memory: ShadowMemory): number[] {
  const taken: number[] = [];
  for (let pfn = memory.take(); pfn !== undefined; pfn = memory.take()) taken.push(pfn);
  return taken;
}

describe("the ring", () => {
  it("gives each page once, in order of arrival, however often it was written meanwhile", () => {
    const memory = ShadowMemory.create(5);
    for (const pfn of [3, 1, 3, 3, 4, 1]) memory.put(pfn, page(pfn));
    expect(takeAll(memory)).toEqual([3, 1, 4]);
    expect(takeAll(memory)).toEqual([]);
    memory.put(3, page(9));
    expect(takeAll(memory)).toEqual([3]);
    expect(generation(memory, 3)).toBe(9);
  });

  it("goes round, and its counts past 2^32", () => {
    const memory = ShadowMemory.create(3);
    const counts = new Int32Array(memory.buffer, 0, 2);
    for (const start of [0, 2 ** 31 - 20, -20]) {
      counts.fill(start);
      for (let i = 0; i < 100; i++) {
        memory.put(i % 3, page(1));
        memory.put((i + 1) % 3, page(1));
        expect(takeAll(memory)).toEqual([i % 3, (i + 1) % 3]);
      }
    }
  });

  it("holds two entries of every page: one from before it was expected, one in force", () => {
    const memory = ShadowMemory.create(4);
    for (let pfn = 0; pfn < 4; pfn++) memory.put(pfn, page(1));
    for (let pfn = 0; pfn < 4; pfn++) memory.expect(pfn);
    expect(takeAll(memory)).toEqual([]);
    for (let pfn = 0; pfn < 4; pfn++) memory.put(pfn, page(1));
    for (let pfn = 0; pfn < 4; pfn++) memory.expect(pfn);
    for (let pfn = 3; pfn >= 0; pfn--) memory.putExpected(pfn, page(2));
    expect(takeAll(memory)).toEqual([0, 1, 2, 3]);
  });
});

describe("a page that is expected", () => {
  it("is not taken as it was, and taken ahead of its turn when it has come", () => {
    const memory = ShadowMemory.create(8);
    memory.put(2, page(1));
    memory.expect(2);
    memory.expect(5);
    expect([memory.isAbsent(2), memory.isAbsent(3), memory.takePage(2)]).toEqual([
      ...[true, false, false],
    ]);
    expect([...memory.outstanding()]).toEqual([2, 5]);
    memory.putExpected(5, page(2));
    memory.putExpected(2, page(2));
    expect([...memory.outstanding()]).toEqual([2, 5]);
    expect(memory.takePage(2)).toBe(true);
    expect(memory.takePage(2)).toBe(false);
    expect(takeAll(memory)).toEqual([5]);
    expect([...memory.outstanding()]).toEqual([]);
  });

  it("is left alone when it comes again: the guest has written to it since", () => {
    const memory = ShadowMemory.create(2);
    memory.expect(0);
    memory.putExpected(0, page(1));
    memory.putExpected(0, page(2));
    expect(takeAll(memory)).toEqual([0]);
    memory.putExpected(0, page(3));
    expect(takeAll(memory)).toEqual([]);
    expect(generation(memory, 0)).toBe(1);
  });
});

describe("calls", () => {
  it("are made once until they are answered", () => {
    const memory = ShadowMemory.create(1);
    expect([memory.announce(), memory.announce()]).toEqual([true, false]);
    memory.answerCall();
    expect(memory.announce()).toBe(true);
    expect(memory.arrivals).toBe(3);
  });

  it("do not let a thread sleep over an arrival that it has not seen", () => {
    const memory = ShadowMemory.create(1);
    const seen = memory.arrivals;
    memory.announce();
    // Would never return if it slept.
    memory.waitPast(seen);
    expect(memory.stopped).toBe(false);
    memory.stop();
    expect(memory.stopped).toBe(true);
  });
});

describe("two threads", () => {
  const threads: Thread[] = [];
  afterEach(async () => {
    for (const thread of threads.splice(0)) await thread.end();
  });

  it("end with the last generation of every page, none torn", async () => {
    const pages = 64;
    const memory = ShadowMemory.create(pages);
    const thread = startThread("./copying-thread.ts", { buffer: memory.buffer, pages });
    threads.push(thread);
    let made = 0;
    const last = new Map<number, number>();
    for (let round = 0; round < 300; round++) {
      for (let k = 0; k < 40; k++) {
        const pfn = (round * 7 + k * 11) % pages;
        last.set(pfn, ++made);
        memory.put(pfn, page(made));
      }
      memory.announce();
      if (round % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    memory.stop();
    const told = (await thread.next()) as { last: Map<number, number>; taken: number };
    expect(told).toMatchObject({ last, torn: 0 });
    expect(told.taken).toBeGreaterThanOrEqual(last.size);
  });

  it("wake for each page that is waited for", async () => {
    const pages = 200;
    const memory = ShadowMemory.create(pages);
    for (let pfn = 0; pfn < pages; pfn++) memory.expect(pfn);
    const thread = startThread("./copying-thread.ts", { buffer: memory.buffer, pages });
    threads.push(thread);
    for (let pfn = 0; pfn < pages; pfn++) {
      memory.putExpected(pfn, page(pfn + 1));
      memory.announce();
      if (pfn % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    memory.stop();
    const told = (await thread.next()) as { last: Map<number, number>; torn: number };
    expect(told).toMatchObject({ torn: 0, taken: pages });
    for (let pfn = 0; pfn < pages; pfn++) expect(told.last.get(pfn)).toBe(pfn + 1);
  });
});
