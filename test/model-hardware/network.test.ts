/** Shared links against cases worked by hand. Frames cost nothing here unless a test says so. */
import { describe, expect, it } from "vitest";
import { ETHERNET_TCP_FRAME, wireBytesOf } from "../../src/model/link.js";
import { Network } from "../../src/model/network.js";

const BARE = { payloadBytes: 4096, overheadBytes: 0 };
const SEC = 1e9;

function network(...bandwidths: number[]): Network<string> {
  const net = new Network<string>();
  bandwidths.forEach((bandwidthBytesPerSec, at) => {
    net.addLink({ name: "abcdef"[at]!, bandwidthBytesPerSec, latencyNs: 0, frame: BARE });
  });
  return net;
}

/** [tag, time it left] of everything up to `untilNs`. */
function departures(net: Network<string>, untilNs: number): [string, number][] {
  return net.advanceTo(untilNs).map(({ tag, departedNs }) => [tag, departedNs]);
}

describe("sharing one link", () => {
  it("sends a message at the link's speed and lets it arrive after the latency", () => {
    const net = new Network<string>();
    net.addLink({ name: "a", bandwidthBytesPerSec: 1000, latencyNs: 70, frame: BARE });
    net.addLink({ name: "b", bandwidthBytesPerSec: 2000, latencyNs: 30, frame: BARE });
    const flow = net.openFlow({ path: ["a", "b"] });
    flow.enqueue(500, "m");
    expect(net.nextEventNs()).toBe(SEC / 2);
    expect(net.advanceTo(SEC)).toEqual([
      { flow, tag: "m", bytes: 500, departedNs: SEC / 2, arrivesNs: SEC / 2 + 100 },
    ]);
    expect(net.nextEventNs()).toBe(Number.POSITIVE_INFINITY);
  });

  it("halves the rate of two flows and gives the rest to the one that stays", () => {
    const net = network(1000);
    const [f, g] = [net.openFlow({ path: ["a"] }), net.openFlow({ path: ["a"] })];
    f.enqueue(1000, "f");
    g.enqueue(500, "g");
    expect([net.rateOf(f), net.rateOf(g)]).toEqual([500, 500]);
    // g: 500 B at 500 B/s. f has 500 B left then, at 1000 B/s.
    expect(departures(net, 2 * SEC)).toEqual([
      ["g", SEC],
      ["f", 1.5 * SEC],
    ]);
  });

  it("shares anew when a flow starts later", () => {
    const net = network(1000);
    const [f, g] = [net.openFlow({ path: ["a"] }), net.openFlow({ path: ["a"] })];
    f.enqueue(1000, "f");
    net.advanceTo(0.4 * SEC);
    g.enqueue(1000, "g");
    // f: 400 B alone, 600 B at 500 B/s = 1.2 s. g: 600 B by then, 400 B alone.
    expect(departures(net, 3 * SEC)).toEqual([
      ["f", 1.6 * SEC],
      ["g", 2 * SEC],
    ]);
  });

  it("gives what a capped flow leaves to the other", () => {
    const net = network(1000);
    const slow = net.openFlow({ path: ["a"], capBytesPerSec: 200 });
    const fast = net.openFlow({ path: ["a"] });
    slow.enqueue(200, "slow");
    fast.enqueue(800, "fast");
    expect([net.rateOf(slow), net.rateOf(fast)]).toEqual([200, 800]);
    expect(departures(net, SEC)).toEqual([
      ["slow", SEC],
      ["fast", SEC],
    ]);
  });

  it("shares by weight", () => {
    const net = network(1000);
    const heavy = net.openFlow({ path: ["a"], weight: 3 });
    const light = net.openFlow({ path: ["a"] });
    heavy.enqueue(1, "h");
    light.enqueue(1, "l");
    expect([net.rateOf(heavy), net.rateOf(light)]).toEqual([750, 250]);
  });

  it("lets background traffic take its share for ever, and no more than it demands", () => {
    const net = network(1000);
    const noise = net.openFlow({ path: ["a"], demandBytesPerSec: 300 });
    const flow = net.openFlow({ path: ["a"] });
    expect(net.rateOf(noise)).toBe(300);
    expect(net.nextEventNs()).toBe(Number.POSITIVE_INFINITY);
    flow.enqueue(700, "m");
    expect(departures(net, 2 * SEC)).toEqual([["m", SEC]]);
    expect(net.countersOf("a")).toMatchObject({ payloadBytes: 700, carriedBytes: 1300 });
    net.setCap(noise, 0);
    expect(net.rateOf(noise)).toBe(0);
  });
});

describe("sharing several links", () => {
  it("finds the textbook rates where two links cross", () => {
    // Links a: 1000, b: 3000. x crosses both, y only a, z only b:
    // a is the tighter one, x = y = 500, and z takes 2500 of b.
    const net = network(1000, 3000);
    const x = net.openFlow({ path: ["a", "b"] });
    const y = net.openFlow({ path: ["a"] });
    const z = net.openFlow({ path: ["b"] });
    for (const flow of [x, y, z]) flow.enqueue(1_000_000, "m");
    expect([x, y, z].map((flow) => net.rateOf(flow))).toEqual([500, 500, 2500]);
    net.close(y);
    expect([x, z].map((flow) => net.rateOf(flow))).toEqual([1000, 2000]);
    net.setCap(x, 100);
    expect([x, z].map((flow) => net.rateOf(flow))).toEqual([100, 2900]);
    net.setCap(x, undefined);
    expect(net.rateOf(x)).toBe(1000);
  });

  it("leaves flows alone that share no link", () => {
    const net = network(1000, 3000);
    const x = net.openFlow({ path: ["a"] });
    const y = net.openFlow({ path: ["b"] });
    x.enqueue(10, "x");
    y.enqueue(10, "y");
    expect([net.rateOf(x), net.rateOf(y)]).toEqual([1000, 3000]);
  });
});

describe("a flow's queue", () => {
  it("keeps order, and ties go by flow and then by queue", () => {
    const net = network(1000, 1000);
    const [f, g] = [net.openFlow({ path: ["a"] }), net.openFlow({ path: ["b"] })];
    g.enqueue(500, "g1");
    g.enqueue(0, "g2");
    g.enqueue(500, "g3");
    f.enqueue(500, "f1");
    expect(departures(net, SEC)).toEqual([
      ["f1", 0.5 * SEC],
      ["g1", 0.5 * SEC],
      ["g2", 0.5 * SEC],
      ["g3", SEC],
    ]);
  });

  it("rounds a departure up to a whole nanosecond and loses no time by it", () => {
    const net = network(3e9);
    const flow = net.openFlow({ path: ["a"] });
    for (let k = 1; k <= 6; k++) flow.enqueue(1, `${k}`);
    // A third of a nanosecond each: 1/3, 2/3, 1, 4/3, 5/3, 2.
    expect(departures(net, 10)).toEqual([
      ["1", 1],
      ["2", 1],
      ["3", 1],
      ["4", 2],
      ["5", 2],
      ["6", 2],
    ]);
  });

  it("keeps a whole number of nanoseconds whole where the rate has no exact value", () => {
    const net = network(1000);
    const flows = ["1", "2", "3"].map((tag) => ({ tag, flow: net.openFlow({ path: ["a"] }) }));
    for (const { flow, tag } of flows) flow.enqueue(11, tag);
    // 11 B at a third of 1000 B/s; in floating point 11e9 / rate comes out above 33e6.
    expect((11 * SEC) / net.rateOf(flows[0]!.flow)).toBeGreaterThan(33e6);
    expect(departures(net, SEC)).toEqual([
      ["1", 33e6],
      ["2", 33e6],
      ["3", 33e6],
    ]);
  });

  it("does not carry time over an idle spell", () => {
    const net = network(3e9);
    const flow = net.openFlow({ path: ["a"] });
    flow.enqueue(1, "1");
    expect(departures(net, 1)).toEqual([["1", 1]]);
    flow.enqueue(3, "2");
    expect(departures(net, 5)).toEqual([["2", 2]]);
  });

  it("sends a message of 0 bytes at once, but not through a link that is down", () => {
    const net = network(1000);
    const flow = net.openFlow({ path: ["a"] });
    net.setLink("a", { up: false });
    flow.enqueue(0, "empty");
    expect(net.nextEventNs()).toBe(Number.POSITIVE_INFINITY);
    expect(departures(net, 5)).toEqual([]);
    net.setLink("a", { up: true });
    expect(net.nextEventNs()).toBe(5);
    expect(departures(net, 5)).toEqual([["empty", 5]]);
  });

  it("hands back what had not left whole when it is closed", () => {
    const net = network(1000);
    const flow = net.openFlow({ path: ["a"] });
    flow.enqueue(100, "gone");
    flow.enqueue(100, "half");
    flow.enqueue(100, "waiting");
    expect(departures(net, 0.15 * SEC)).toEqual([["gone", 0.1 * SEC]]);
    expect(flow.queuedBytes).toBe(200);
    expect(net.close(flow)).toEqual([
      { tag: "half", bytes: 100 },
      { tag: "waiting", bytes: 100 },
    ]);
    expect(net.nextEventNs()).toBe(Number.POSITIVE_INFINITY);
    expect(net.rateOf(flow)).toBe(0);
    expect(net.countersOf("a")).toMatchObject({ payloadBytes: 100, wireBytes: 100 });
    expect(net.countersOf("a").carriedBytes).toBeCloseTo(150, 9);
    expect(() => flow.enqueue(1, "late")).toThrow("open when it gets a message");
    expect(() => net.close(flow)).toThrow("open when it is closed");
  });
});

describe("links that change", () => {
  it("goes on where it was when the bandwidth changes mid message", () => {
    const net = network(1000);
    const flow = net.openFlow({ path: ["a"] });
    flow.enqueue(1000, "m");
    net.advanceTo(0.25 * SEC);
    net.setLink("a", { bandwidthBytesPerSec: 250 });
    expect(net.nextEventNs()).toBe(3.25 * SEC);
    net.advanceTo(1.25 * SEC);
    net.setLink("a", { bandwidthBytesPerSec: 5000 });
    expect(departures(net, 2 * SEC)).toEqual([["m", 1.35 * SEC]]);
  });

  it("stalls on bandwidth 0, on a cap of 0 and while down, and goes on afterwards", () => {
    const net = network(1000);
    const flow = net.openFlow({ path: ["a"] });
    flow.enqueue(1000, "m");
    const never = Number.POSITIVE_INFINITY;
    net.advanceTo(0.5 * SEC);
    net.setLink("a", { bandwidthBytesPerSec: 0 });
    expect([net.nextEventNs(), net.rateOf(flow)]).toEqual([never, 0]);
    net.advanceTo(1 * SEC);
    net.setLink("a", { bandwidthBytesPerSec: 1000, up: false });
    expect([net.nextEventNs(), net.rateOf(flow)]).toEqual([never, 0]);
    net.advanceTo(2 * SEC);
    net.setLink("a", { up: true });
    net.setCap(flow, 0);
    expect([net.nextEventNs(), net.rateOf(flow)]).toEqual([never, 0]);
    net.advanceTo(3 * SEC);
    net.setCap(flow, undefined);
    expect(departures(net, 4 * SEC)).toEqual([["m", 3.5 * SEC]]);
  });

  it("sends everything at once where bandwidth is unlimited", () => {
    const net = network(Number.POSITIVE_INFINITY);
    const flow = net.openFlow({ path: ["a"] });
    const capped = net.openFlow({ path: ["a"], capBytesPerSec: 100 });
    capped.enqueue(100, "capped");
    flow.enqueue(1e12, "1");
    flow.enqueue(1e12, "2");
    expect(net.rateOf(flow)).toBe(Number.POSITIVE_INFINITY);
    expect(departures(net, SEC)).toEqual([
      ["1", 0],
      ["2", 0],
      ["capped", SEC],
    ]);
    expect(net.countersOf("a")).toMatchObject({ payloadBytes: 2e12 + 100, wireBytes: 2e12 + 100 });
  });
});

describe("frames", () => {
  it("costs 90 bytes in each 1538 on Ethernet with TCP timestamps", () => {
    const net = new Network<string>();
    net.addLink({ name: "gigabit", bandwidthBytesPerSec: 125_000_000, latencyNs: 0 });
    const flow = net.openFlow({ path: ["gigabit"] });
    flow.enqueue(1448 * 1000, "m");
    // 1000 frames of 1538 bytes at 125 MB/s.
    expect(departures(net, SEC)).toEqual([["m", 12_304_000]]);
    expect(net.countersOf("gigabit")).toEqual({
      name: "gigabit",
      bandwidthBytesPerSec: 125_000_000,
      up: true,
      latencyNs: 0,
      payloadBytes: 1_448_000,
      wireBytes: 1_538_000,
      carriedBytes: 1_538_000,
    });
  });

  it("fills frames across messages: the wire count is that of one stream", () => {
    const net = new Network<string>();
    net.addLink({ name: "a", bandwidthBytesPerSec: 1e9, latencyNs: 0 });
    const flow = net.openFlow({ path: ["a"] });
    for (let k = 0; k < 10; k++) flow.enqueue(200, `${k}`);
    net.advanceTo(SEC);
    expect(net.countersOf("a")).toMatchObject({ payloadBytes: 2000, wireBytes: 2000 + 2 * 90 });
    expect(wireBytesOf(0, ETHERNET_TCP_FRAME)).toBe(0);
    expect(wireBytesOf(1448, ETHERNET_TCP_FRAME)).toBe(1538);
    expect(wireBytesOf(1449, ETHERNET_TCP_FRAME)).toBe(1449 + 180);
  });
});

describe("refusals", () => {
  it("names the link, the value and what would do", () => {
    const net = network(1000);
    expect(() => net.addLink({ name: "a", bandwidthBytesPerSec: 1, latencyNs: 0 })).toThrow(
      'two links named "a"',
    );
    expect(() => net.addLink({ name: "x", bandwidthBytesPerSec: -1, latencyNs: 0 })).toThrow(
      'link "x" is -1 bytes a second: give 0 or more',
    );
    expect(() => net.addLink({ name: "x", bandwidthBytesPerSec: 1, latencyNs: 0.5 })).toThrow(
      'latency of link "x" is 0.5 ns',
    );
    expect(() => net.setLink("a", { bandwidthBytesPerSec: Number.NaN })).toThrow("is NaN bytes");
    expect(() => net.openFlow({ path: ["z"] })).toThrow('no link "z"; links are: a');
    expect(() => net.openFlow({ path: [] })).toThrow("names no link");
    expect(() => net.openFlow({ path: ["a", "a"] })).toThrow('crosses link "a" twice');
    expect(() => net.openFlow({ path: ["a"], weight: 0 })).toThrow("weight is 0: give an integer");
    expect(() => net.openFlow({ path: ["a"], capBytesPerSec: -5 })).toThrow("cap is -5 bytes");
    expect(() => net.openFlow({ path: ["a"], demandBytesPerSec: 1 / 0 })).toThrow("unlimited rate");
  });

  it("takes an owner that goes back in time, or half bytes, for a bug", () => {
    const net = network(1000);
    net.advanceTo(10);
    expect(() => net.advanceTo(9)).toThrow("advances from 10 ns to an integer not before it");
    const flow = net.openFlow({ path: ["a"] });
    expect(() => flow.enqueue(0.5, "m")).toThrow("message size 0.5 is an integer");
  });
});

describe("a link's two ways", () => {
  const back = (link: string) => [{ link, reversed: true }];

  it("do not share: each has the whole bandwidth", () => {
    const net = network(1000);
    net.openFlow({ path: ["a"] }).enqueue(1000, "there");
    net.openFlow({ path: back("a") }).enqueue(1000, "back");
    net.openFlow({ path: back("a") }).enqueue(1000, "back too");
    expect(departures(net, 9 * SEC)).toEqual([
      ["there", SEC],
      ["back", 2 * SEC],
      ["back too", 2 * SEC],
    ]);
  });

  it("are one link where it is changed and counted", () => {
    const net = network(1000);
    net.openFlow({ path: ["a"] }).enqueue(1000, "there");
    net.openFlow({ path: back("a") }).enqueue(500, "back");
    net.setLink("a", { bandwidthBytesPerSec: 100 });
    expect(departures(net, 5 * SEC)).toEqual([["back", 5 * SEC]]);
    expect(net.countersOf("a")).toMatchObject({ payloadBytes: 500, carriedBytes: 1000 });
    net.setLink("a", { up: false });
    expect(departures(net, 99 * SEC)).toEqual([]);
    expect(net.linkNames()).toEqual(["a"]);
  });

  it("are not both on one path", () => {
    const path = ["a", { link: "a", reversed: true }];
    expect(() => network(1).openFlow({ path })).toThrow('crosses link "a" twice');
  });
});
