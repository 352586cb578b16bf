import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PrecopyError } from "../../src/base/errors.js";
import { Simulation, simulate } from "../../src/model/simulation.js";
import { hotCold, recorded, type SmallOptions, small, uniform } from "../support/specs.js";

const one = async (options: SmallOptions) => (await simulate(small(options))).migrations[0]!;

describe("a simulation", () => {
  it("suspend sends every page once and pauses for all of it", async () => {
    const report = await one({ strategy: "suspend", pages: 2048 });
    expect(report.pagesSent).toBe(2048);
    expect(report.rounds).toEqual([]);
    expect(report.stagesNs.iterativePreCopy).toBe(0);
    const wire = 2048 * 4104 + 2 * 24;
    expect(report.bytes.pause).toBe(wire + 65_536);
    // 125 MB/s with 1448 of each 1538 bytes payload
    const sendNs = ((wire + 65_536) / (125e6 * (1448 / 1538))) * 1e9;
    expect(report.stagesNs.stopAndCopy - sendNs).toBeGreaterThan(5_000_000);
    expect(report.stagesNs.stopAndCopy - sendNs).toBeLessThan(11_000_000);
  });

  it("an idle guest takes two rounds: everything, then nothing, and the suspend's own pages", async () => {
    const report = await one({ activity: { kind: "idle" }, suspendDirtiesPages: 190 });
    expect(report.rounds.map((round) => round.pagesSent)).toEqual([4096, 0]);
    expect(report.stopReason).toBe("dirty-count");
    expect(report.stopPages).toBe(190);
  });

  it("a guest that outruns the link is stopped after five rounds", async () => {
    const report = await one({ pages: 8192, activity: uniform(8192, 500_000) });
    expect(report.rounds.length).toBe(5);
    expect(report.stopReason).toBe("max-iterations");
    expect(report.downtimeNs).toBeGreaterThan(200_000_000);
  });

  it("Xen's last small set travels live once more", async () => {
    const report = await one({ activity: hotCold(4096, 300) });
    const last = report.rounds.at(-1)!;
    expect(last.pagesSent).toBeLessThan(50);
    expect(last.pagesDirtied).toBe(-1);
  });

  it("the sum of stages is the total, in whole nanoseconds", async () => {
    const { stagesNs, totalNs, downtimeNs } = await one({ strategy: "pre-copy@xen2005" });
    const sum = Object.values(stagesNs).reduce((a, b) => a + b, 0);
    expect(sum).toBe(totalNs);
    expect(downtimeNs).toBe(stagesNs.stopAndCopy + stagesNs.commitment + stagesNs.activation);
  });

  it("same seed, same event log; another seed, another", async () => {
    const hashes = [];
    for (const seed of [5, 5, 6]) hashes.push((await simulate(small({ seed }))).eventLogHash);
    expect(hashes[0]).toBe(hashes[1]);
    expect(hashes[0]).not.toBe(hashes[2]);
  });

  it("scalar and SIMD kernels make the same events", async () => {
    const spec = small({ pages: 5000, activity: hotCold(5000, 50_000) });
    const simd = await simulate(spec, { kernels: { simd: true } });
    const scalar = await simulate(spec, { kernels: { simd: false } });
    expect(scalar).toEqual(simd);
  });

  it("driven from outside it does the same, however time is cut", async () => {
    const spec = small({ pages: 3000 });
    const whole = await simulate(spec);
    const simulation = await Simulation.create(spec);
    for (let t = 0; !simulation.ended; t += 7_777_777) simulation.advanceTo(t);
    expect(simulation.result()).toEqual(whole);
  });

  it.each([
    ["synthetic", small({ pages: 3000 })],
    ["replayed", small({ pages: 3000, activity: recorded(3000) })],
  ])("a snapshot of a %s guest comes back and goes on alike", async (_name, spec) => {
    const simulation = await Simulation.create(spec);
    simulation.advanceTo(60_000_000);
    const snapshot = structuredClone(simulation.snapshot());
    const again = await Simulation.restore(snapshot);
    expect(again.progress()).toEqual(simulation.progress());
    expect(await again.run()).toEqual(await simulation.run());
  });
});

describe("what can go wrong", () => {
  it("a target without room refuses before anything moves", async () => {
    const report = await one({ targetMemoryPages: (1 << 16) + 4095 });
    expect(report.outcome).toBe("source-runs");
    expect(report.stopReason).toMatch(/refused: b has 4095 free pages of the 4096/);
    expect(report.pagesSent).toBe(0);
    expect(report.verified.sourceWhole).toBe(true);
  });

  it("a link that carries nothing ends in a time-out with the source whole", async () => {
    const report = await one({ bandwidthBytesPerSec: 0, timeoutNs: 3_000_000_000 });
    expect(report.stopReason).toBe("timeout");
    expect(report.totalNs).toBe(3_000_000_000);
    expect(report.verified.targetFree).toBe(true);
  });

  it("a time-out in every stage leaves the source running", async () => {
    const whole = await one({});
    let total = 0;
    for (const [stage, ns] of Object.entries(whole.stagesNs)) {
      if (stage === "activation" || ns < 2) continue;
      const report = await one({ timeoutNs: total + Math.floor(ns / 2) });
      expect([stage, report.outcome]).toEqual([stage, "source-runs"]);
      total += ns;
    }
  });

  it("cancel works in every stage before the commit point and not after", async () => {
    const spec = small({});
    const whole = (await simulate(spec)).migrations[0]!;
    let total = 0;
    for (const [stage, ns] of Object.entries(whole.stagesNs)) {
      if (ns < 2) continue;
      const simulation = await Simulation.create(spec);
      simulation.advanceTo(total + Math.floor(ns / 2));
      simulation.cancel("guest");
      simulation.cancel("guest");
      const report = (await simulation.run()).migrations[0]!;
      const expected = stage === "activation" ? "target-runs" : "source-runs";
      expect([stage, report.outcome]).toEqual([stage, expected]);
      total += ns;
    }
  });

  it("a link that fails after the commit point leaves the guest in doubt: nobody runs it", async () => {
    const spec = small({ timeoutNs: 20_000_000_000, latencyNs: 5_000_000 });
    const simulation = await Simulation.create(spec);
    let nowNs = 0;
    while (simulation.progress()[0]?.state !== "activation") {
      nowNs = simulation.nextEventNs();
      simulation.advanceTo(nowNs);
    }
    simulation.network.setLink("wire", { up: false });
    const report = (await simulation.run()).migrations[0]!;
    expect(report.outcome).toBe("in-doubt");
    expect(report.stopReason).toMatch(/permission to run and does not answer/);
    expect(report.verified).toMatchObject({ nobodyRuns: true, sourceMemoryKept: true });
    expect(report.endNs).toBe(nowNs + 20_000_000_000);
  });

  it("an abort signal stops a run", async () => {
    const controller = new AbortController();
    controller.abort();
    const simulation = await Simulation.create(small({}), { signal: controller.signal });
    const { migrations } = await simulation.run();
    expect(migrations.every((m) => m.outcome === "source-runs")).toBe(true);
  });

  it("time does not go back, and nothing is asked after dispose", async () => {
    const simulation = await Simulation.create(small({}));
    simulation.advanceTo(1000);
    expect(() => simulation.advanceTo(999)).toThrow(PrecopyError);
    simulation.dispose();
    expect(() => simulation.advanceTo(2000)).toThrow(/disposed/);
  });

  const refused: [string, SmallOptions | object, RegExp][] = [
    ["no pages", { pages: 0 }, /0 pages/],
    ["too many pages", { pages: 2 ** 24 + 1 }, /16777216/],
    ["unknown strategy", { strategy: "teleport" }, /no strategy "teleport".*pre-copy/],
    ["unknown predictor", { strategy: "pre-copy+magic" }, /no technique "magic".*wsclock/],
    ["unknown preset", { strategy: "pre-copy@vms" }, /no preset "vms".*xen2005/],
    ["unknown parameter", { strategy: "pre-copy+wsclock:tua=1s" }, /no parameter "tua".*tau/],
    ["bad duration", { strategy: "pre-copy+wsclock:tau=7" }, /"7" is not a duration/],
    ["no name", { strategy: "" }, /is not a strategy/],
    ["endless timeout", { timeoutNs: Number.POSITIVE_INFINITY }, /timeout/],
    ["negative bandwidth", { bandwidthBytesPerSec: -1 }, /bandwidth/],
    ["NaN bandwidth", { bandwidthBytesPerSec: Number.NaN }, /bandwidth/],
  ];
  it.each(refused)("%s is refused in a sentence", async (_name, options, message) => {
    const run = simulate(small({ activity: { kind: "idle" }, ...options }));
    await expect(run).rejects.toThrow(message);
    await expect(run).rejects.toBeInstanceOf(PrecopyError);
  });
});

describe("any guest on any link", () => {
  const strategies = [
    "suspend",
    "pre-copy",
    "pre-copy@xen2005",
    "pre-copy@clark-paper",
    "pre-copy+recency",
    "pre-copy+lru-splay:tick=20ms",
    "pre-copy+clock@xen-skip",
    "pre-copy+wsclock",
    "pre-copy+wsclock:literal,tick=10ms",
    "pre-copy:flush+wsclock:tau=50ms,warmup=0,tick=5ms@xen2005",
    "pre-copy+exact-ws",
    "pre-copy+oracle@clark-paper",
    "seed",
    "seed:flush,margin=0.2@xen2005",
  ];
  it("ends with every check met, or whole at the source", async () => {
    const cases = fc.record({
      seed: fc.nat(),
      pages: fc.integer({ min: 1, max: 3000 }),
      strategy: fc.constantFrom(...strategies),
      bandwidthBytesPerSec: fc.constantFrom(
        0,
        1_000_000,
        12_500_000,
        1e9,
        Number.POSITIVE_INFINITY,
      ),
      latencyNs: fc.constantFrom(0, 1, 100_000, 50_000_000),
      rate: fc.constantFrom(0, 1, 1000, 100_000),
      suspendDirtiesPages: fc.constantFrom(0, 190),
      pml: fc.boolean(),
      cpus: fc.constantFrom(1, 4),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ rate, ...options }) => {
        const activity = hotCold(options.pages, rate);
        const report = await one({ ...options, activity, timeoutNs: 30_000_000_000 });
        expect(Object.values(report.verified).every(Boolean)).toBe(true);
        const expected = options.bandwidthBytesPerSec === 0 ? "source-runs" : "target-runs";
        if (report.stopReason !== "timeout") expect(report.outcome).toBe(expected);
      }),
      { numRuns: 150 },
    );
  });
});
