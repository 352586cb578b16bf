/** What must hold of any network: max-min fairness, conservation of bytes, no drift. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Network } from "../../src/model/network.js";
import type { Flow } from "../../src/model/network-flow.js";
import { maxMinRates } from "../../src/model/network-max-min.js";

const BARE = { payloadBytes: 4096, overheadBytes: 0 };

describe("max-min rates", () => {
  const LINKS = 5;
  const capacity = fc.oneof(
    { weight: 6, arbitrary: fc.double({ min: 1, max: 1e10, noNaN: true }) },
    { weight: 1, arbitrary: fc.constantFrom(0, Number.POSITIVE_INFINITY) },
  );
  const flow = fc.record({
    weight: fc.integer({ min: 1, max: 10 }),
    boundBytesPerSec: fc.oneof(
      fc.constantFrom(0, Number.POSITIVE_INFINITY),
      fc.double({ min: 1, max: 1e10, noNaN: true }),
    ),
    path: fc.uniqueArray(fc.integer({ min: 0, max: LINKS - 1 }), {
      minLength: 1,
      maxLength: LINKS,
    }),
    rate: fc.constant(Number.NaN),
  });
  const network = fc.tuple(
    fc.array(capacity, { minLength: LINKS, maxLength: LINKS }),
    fc.array(flow, { minLength: 1, maxLength: 12 }),
  );

  it("stay within the links and the bounds", () => {
    fc.assert(
      fc.property(network, ([capacities, flows]) => {
        maxMinRates(flows, capacities);
        for (const { rate, boundBytesPerSec } of flows) {
          expect(rate).toBeGreaterThanOrEqual(0);
          expect(rate).toBeLessThanOrEqual(boundBytesPerSec);
        }
        capacities.forEach((limit, link) => {
          let used = 0;
          for (const { path, rate } of flows) if (path.includes(link)) used += rate;
          expect(used).toBeLessThanOrEqual(limit * (1 + 1e-9));
        });
      }),
    );
  });

  it("let nobody get more without taking from somebody who has no more (per weight)", () => {
    // The bottleneck theorem: a rate is max-min fair iff every flow is at its bound or crosses a
    // full link on which no flow has a higher rate per weight.
    fc.assert(
      fc.property(network, ([capacities, flows]) => {
        maxMinRates(flows, capacities);
        for (const { rate, boundBytesPerSec, weight, path } of flows) {
          if (rate === boundBytesPerSec) continue;
          const hasBottleneck = path.some((link) => {
            const sharers = flows.filter((other) => other.path.includes(link));
            const used = sharers.reduce((sum, other) => sum + other.rate, 0);
            const highest = Math.max(...sharers.map((other) => other.rate / other.weight));
            const isFull = used >= (capacities[link] as number) * (1 - 1e-9);
            return isFull && rate / weight >= highest * (1 - 1e-9);
          });
          expect(hasBottleneck).toBe(true);
        }
      }),
    );
  });
});

type Action =
  | { kind: "enqueue"; flow: number; bytes: number }
  | { kind: "cap"; flow: number; rate: number | undefined }
  | { kind: "link"; link: number; rate: number; up: boolean }
  | { kind: "close"; flow: number }
  | { kind: "advance"; ns: number };

const rate = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2_000_000_000 }));
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("enqueue" as const),
      flow: fc.nat(5),
      bytes: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 10_000_000 })),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("cap" as const),
      flow: fc.nat(5),
      rate: fc.oneof(fc.constant(undefined), rate),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("link" as const),
      link: fc.nat(2),
      rate: fc.oneof(rate, fc.constant(Number.POSITIVE_INFINITY)),
      up: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("close" as const), flow: fc.nat(5) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("advance" as const),
      ns: fc.oneof(fc.nat(5), fc.nat(50_000_000)),
    }),
  },
);

const PATHS = [["a"], ["b"], ["c"], ["a", "b"], ["b", "c"], ["a", "b", "c"]];

interface Run {
  readonly net: Network<number>;
  /** [message number, flow, time it left] */
  readonly left: [number, number, number][];
  readonly enqueuedBytes: number[];
  readonly departedBytes: number[];
  readonly droppedBytes: number[];
  readonly flows: Flow<number>[];
}

/** Plays the actions; `steps` > 1 cuts every advance into that many. */
function play(actions: readonly Action[], steps: number): Run {
  const net = new Network<number>();
  for (const name of ["a", "b", "c"]) {
    net.addLink({ name, bandwidthBytesPerSec: 125_000_000, latencyNs: 1000, frame: BARE });
  }
  const flows = PATHS.map((path) => net.openFlow({ path }));
  const zeros = () => PATHS.map(() => 0);
  const run: Run = {
    net,
    left: [],
    enqueuedBytes: zeros(),
    departedBytes: zeros(),
    droppedBytes: zeros(),
    flows,
  };
  let messages = 0;
  const advance = (toNs: number) => {
    for (const { flow, tag, bytes, departedNs } of net.advanceTo(toNs)) {
      run.left.push([tag, flow.index, departedNs]);
      run.departedBytes[flow.index]! += bytes;
    }
  };
  for (const step of actions) {
    if (step.kind === "advance") {
      const startNs = net.nowNs;
      for (let k = 1; k <= steps; k++) advance(startNs + Math.floor((step.ns * k) / steps));
    } else if (step.kind === "link") {
      const { up, rate: bandwidthBytesPerSec } = step;
      net.setLink("abc"[step.link] as string, { bandwidthBytesPerSec, up });
    } else if (!flows[step.flow]!.closed) {
      const flow = flows[step.flow] as Flow<number>;
      if (step.kind === "cap") net.setCap(flow, step.rate);
      if (step.kind === "close") {
        for (const { bytes } of net.close(flow)) run.droppedBytes[step.flow]! += bytes;
      }
      if (step.kind === "enqueue") {
        flow.enqueue(step.bytes, messages++);
        run.enqueuedBytes[step.flow]! += step.bytes;
      }
    }
  }
  return run;
}

describe("a network under any sequence of changes", () => {
  const actions = fc.array(action, { maxLength: 60 });

  it("loses no byte and invents none: departed + dropped + queued = enqueued", () => {
    fc.assert(
      fc.property(actions, (list) => {
        const run = play(list, 1);
        run.flows.forEach((flow, at) => {
          const known = run.departedBytes[at]! + run.droppedBytes[at]! + flow.queuedBytes;
          expect(known).toBe(run.enqueuedBytes[at]);
          expect(flow.departedBytes).toBe(run.departedBytes[at]);
        });
        ["a", "b", "c"].forEach((name) => {
          const crossing = PATHS.flatMap((path, at) => (path.includes(name) ? [at] : []));
          const payload = crossing.reduce((sum, at) => sum + run.departedBytes[at]!, 0);
          const counters = run.net.countersOf(name);
          expect(counters.payloadBytes).toBe(payload);
          expect(counters.wireBytes).toBe(payload);
          const most = crossing.reduce((sum, at) => sum + run.enqueuedBytes[at]!, 0);
          expect(counters.carriedBytes).toBeGreaterThanOrEqual(payload - 1e-3);
          expect(counters.carriedBytes).toBeLessThanOrEqual(most + 1e-3);
        });
      }),
    );
  });

  it("lets messages leave in order: of time, of flow, of queue", () => {
    fc.assert(
      fc.property(actions, (list) => {
        const { left } = play(list, 1);
        for (let k = 1; k < left.length; k++) {
          const [before, beforeFlow, beforeNs] = left[k - 1]!;
          const [after, afterFlow, afterNs] = left[k]!;
          expect(afterNs).toBeGreaterThanOrEqual(beforeNs);
          if (afterFlow === beforeFlow) expect(after).toBeGreaterThan(before);
        }
      }),
    );
  });

  it("does not depend on how often it is asked", () => {
    fc.assert(
      fc.property(actions, fc.integer({ min: 2, max: 7 }), (list, steps) => {
        expect(play(list, steps).left).toEqual(play(list, 1).left);
      }),
    );
  });

  it("has nothing due in the past, and something to do whenever something is due", () => {
    fc.assert(
      fc.property(actions, (list) => {
        const { net } = play(list, 1);
        const next = net.nextEventNs();
        expect(next).toBeGreaterThanOrEqual(net.nowNs);
        if (next !== Number.POSITIVE_INFINITY) {
          expect(net.advanceTo(next).length).toBeGreaterThan(0);
        }
      }),
    );
  });
});

describe("a queue on one link", () => {
  it("never drifts: message k leaves at the ceiling of (bytes so far / rate)", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5_000_000_000 }),
        fc.array(fc.integer({ min: 0, max: 3_000_000 }), { minLength: 1, maxLength: 300 }),
        (bandwidthBytesPerSec, sizes) => {
          const net = new Network<number>();
          net.addLink({ name: "a", bandwidthBytesPerSec, latencyNs: 0, frame: BARE });
          const flow = net.openFlow({ path: ["a"] });
          sizes.forEach((bytes, k) => {
            flow.enqueue(bytes, k);
          });
          const left = net.advanceTo(Number.MAX_SAFE_INTEGER);
          let total = 0n;
          for (const { tag, departedNs } of left) {
            total += BigInt(sizes[tag] as number);
            const perSec = BigInt(bandwidthBytesPerSec);
            const exactNs = Number((total * 1_000_000_000n + perSec - 1n) / perSec);
            const error = Math.abs(departedNs - exactNs);
            expect(error).toBeLessThanOrEqual(1 + exactNs * 1e-15);
          }
        },
      ),
    );
  });

  it("shares among a thousand flows and finishes them all", () => {
    const net = new Network<number>();
    net.addLink({ name: "a", bandwidthBytesPerSec: 1_000_000, latencyNs: 0, frame: BARE });
    for (let k = 0; k < 1000; k++) {
      const flow = net.openFlow({ path: ["a"], capBytesPerSec: 500 + k });
      for (let message = 0; message < 5; message++) flow.enqueue(100 + k, k);
    }
    const left = net.advanceTo(Number.MAX_SAFE_INTEGER);
    expect(left.length).toBe(5000);
    expect(net.countersOf("a").payloadBytes).toBe(5 * (100 * 1000 + (999 * 1000) / 2));
  });
});
