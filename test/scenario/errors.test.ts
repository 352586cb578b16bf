/** Every kind of mistake in a scenario, with the place that «…» marks and what is said of it. */
import { describe, expect, it } from "vitest";
import { PrecopyError } from "../../src/base/errors.js";
import type { ScenarioError } from "../../src/scenario/index.js";
import { BASE, marked, refusal, smallTrace } from "./support.js";

/** What is in the file, the field, and a part of the message. */
type Case = readonly [text: string, path: string, message: string];

async function expectProblems(text: string, expected: readonly [string, string][]) {
  const { text: plain, places } = marked(text);
  const error = await refusal(plain);
  expect(error.problems).toHaveLength(expected.length);
  expect(error.problems.map(({ line, column, length }) => ({ line, column, length }))).toEqual(
    places,
  );
  for (const [i, [path, message]] of expected.entries()) {
    expect(error.problems[i]?.path).toBe(path);
    expect(error.problems[i]?.message).toContain(message);
  }
  return error;
}

const guest = (fields: string) => `${BASE}  x: { on: a, memory: 16MiB, ${fields} }\n`;
const component = (fields: string) => guest(`workload: [{ rate: 1/s, ${fields} }]`);
const migrate = (fields: string) => `${BASE}migrate:\n  - { guest: web, to: b, ${fields} }\n`;
const host = (fields: string) => `hosts:\n  a: { memory: 4GiB, ${fields} }\nguests: {}\n`;

const FIELDS: Case[] = [
  [`«tilte»: x\n${BASE}`, "tilte", 'is no key here: did you mean "title"?'],
  [`title: «7»\n${BASE}`, "title", "7 must be a text: put it in quotes"],
  [`title: «""»\n${BASE}`, "title", "must be a text of 1 to 200 characters"],
  [`seed: «-1»\n${BASE}`, "seed", "-1 must be a whole number from 0 to 4294967295"],
  [`seed: «1.5»\n${BASE}`, "seed", "1.5 must be a whole number"],
  [`seed: «.nan»\n${BASE}`, "seed", "NaN must be a whole number"],
  [`seed: «4294967296»\n${BASE}`, "seed", "4294967296 must be a whole number"],
  [`at-once: «0»\n${BASE}`, "at-once", "0 must be all, or a whole number from 1 to 4096"],
  [`at-once: «some»\n${BASE}`, "at-once", '"some" must be all'],
  [`compare: «[]»\n${BASE}`, "compare", "is empty"],
  [`compare: [seed, «sede»]\n${BASE}`, "compare.1", 'there is no strategy "sede": choose one of'],
  [host("cpus: «0»"), "hosts.a.cpus", "0 must be a whole number from 1 to 4096"],
  [host("cpus: «four»"), "hosts.a.cpus", '"four" must be a whole number'],
  [host("pml: «yes»"), "hosts.a.pml", '"yes" must be true or false'],
  [host("«memroy»: 1GiB"), "hosts.a.memroy", 'did you mean "memory"?'],
  [host("dom0: { memory: «8GiB» }"), "hosts.a.dom0.memory", "is more than there is"],
  [host("dom0: { cpus: «2» }"), "hosts.a.dom0.cpus", "uses 2 CPUs and has 1 VCPU"],
  [host("dom0: «3»"), "hosts.a.dom0", "3 must be a mapping with keys such as memory"],
  [host("costs: { suspend: «5» }"), "hosts.a.costs.suspend", "5 has no unit"],
  [host("costs: { suspend: «2h» }"), "hosts.a.costs.suspend", "is too large"],
  [host("costs: { suspend: «5 parsecs» }"), "hosts.a.costs.suspend", "is not a duration"],
  ["hosts:\n  «1a»: {}\nguests: {}", "hosts.1a", "is not a name"],
  ["hosts: «[]»\nguests: {}", "hosts", "a list must be a mapping"],
  [guest("cap: «101»"), "guests.x.cap", "101 is more than 1 VCPU can use: at most 100"],
  [guest("cpus: «2»"), "guests.x.cpus", "uses 2 CPUs and has 1 VCPU"],
  [guest("cpus: «-0.5»"), "guests.x.cpus", "-0.5 must be a number from 0 to 4096"],
  [guest("cpus: «.inf»"), "guests.x.cpus", "Infinity must be a number"],
  [guest("weight: «0»"), "guests.x.weight", "0 must be a whole number from 1 to 65535"],
  [`${BASE}  x: { on: «c», memory: 16MiB }`, "guests.x.on", 'there is no host "c"'],
  [`${BASE}  «x»: { on: a }`, "guests.x.memory", "missing: give a size, as in 512MiB"],
  [`${BASE}  «x»: { memory: 1MiB }`, "guests.x.on", "missing: give a text, as in xen-a"],
  [`${BASE}  x: { on: a, memory: «100» }`, "guests.x.memory", "100 has no unit: write a size"],
  [`${BASE}  x: { on: a, memory: «0B» }`, "guests.x.memory", "too small: it must be from 4KiB"],
  [`${BASE}  x: { on: a, memory: «65GiB» }`, "guests.x.memory", "too large: it must be from"],
  [`${BASE}  x: { on: a, memory: «-1GiB» }`, "guests.x.memory", "is not a size"],
  [`${BASE}  x: { on: a, memory: «4GiB» }`, "guests.x.memory", "do not fit: a has 2.94 GiB free"],
  [`${BASE}  «Domain-0»: { on: a, memory: 1MiB }`, "guests.Domain-0", "the host's own domain"],
];

const ACTIVITIES: Case[] = [
  [component("pattern: «hotcold»"), "guests.x.workload.0.pattern", "must be one of uniform, zipf"],
  [component("pattern: zipf, exponent: «17»"), "guests.x.workload.0.exponent", "from 0 to 16"],
  [
    component("pattern: uniform, pages: «4097»"),
    "guests.x.workload.0.pages",
    "covers pages 0 to 4096: the memory has pages 0 to 4095",
  ],
  [
    component("pattern: uniform, first-page: «4096»"),
    "guests.x.workload.0.first-page",
    "4096 is outside",
  ],
  [
    component("pattern: hot-cold, pages: 10, hot-pages: «11»"),
    "guests.x.workload.0.hot-pages",
    "11 is more than the 10 pages",
  ],
  [component("pattern: uniform, «hot-pages»: 3"), "guests.x.workload.0.hot-pages", "is no key"],
  [component("pattern: uniform, during: «5s-1s of 20s»"), "guests.x.workload.0.during", "before"],
  [component("pattern: uniform, during: «1s»"), "guests.x.workload.0.during", "is not a phase"],
  [
    guest("workload: [{ pattern: uniform, rate: «8000» }]"),
    "guests.x.workload.0.rate",
    "8000 has no unit: write a rate as a number and a unit, as in 8000/s",
  ],
  [
    guest("workload: [«{ pattern: uniform }»]"),
    "guests.x.workload.0.rate",
    "missing: give a rate, as in 8000/s",
  ],
  [
    guest("disk: { size: 1MiB, writes: [{ pattern: uniform, rate: 1/s, pages: «17» }] }"),
    "guests.x.disk.writes.0.pages",
    "covers pages 0 to 16: the disk has blocks 0 to 15",
  ],
  [guest("disk: { size: «1KiB» }"), "guests.x.disk.size", "too small: it must be from 64KiB"],
  [guest("free: 0.7, page-cache: «0.4»"), "guests.x.page-cache", "more than the memory"],
  [guest("trace: { file: t }, workload: «[]»"), "guests.x.workload", "leave one of them out"],
  [guest("trace: { file: t, end: «stop» }"), "guests.x.trace.end", "one of fail, loop, hold"],
  [guest("«trace»: { end: loop }"), "guests.x.trace.file", "missing"],
  [
    guest("trace: { file: t, clock: time, instruction-rate: «1M/s» }"),
    "guests.x.trace.instruction-rate",
    'has no meaning with "clock: time"',
  ],
  [
    guest("trace: { file: t, instruction-rate: «59.78e6» }"),
    "guests.x.trace.instruction-rate",
    "59780000 has no unit: write a rate as a number and a unit, as in 59.78M/s",
  ],
  [
    `${BASE}  «x»: { on: a, trace: { file: t, tile: true } }`,
    "guests.x.memory",
    "say how large a memory",
  ],
];

const MOVES: Case[] = [
  [migrate("strategy: «pre-copy+wsclok»"), "migrate.0.strategy", 'no technique "wsclok"'],
  [migrate("strategy: «pre-copy@zen»"), "migrate.0.strategy", 'no preset "zen"'],
  [
    migrate('strategy: «"pre-copy+wsclock:tua=3ms"»'),
    "migrate.0.strategy",
    'wsclock has no parameter "tua": it takes tau',
  ],
  [migrate('strategy: «"pre-copy+wsclock:tau=3"»'), "migrate.0.strategy", "is not a duration"],
  [migrate("strategy: «pre copy»"), "migrate.0.strategy", "is not a strategy"],
  [
    migrate("strategy: «pre-copy+wsclock:bits=reference»"),
    "migrate.0.strategy",
    "web shows no reads",
  ],
  [migrate("at: «-1s»"), "migrate.0.at", '"-1s" is not a duration'],
  [migrate("timeout: «0s»"), "migrate.0.timeout", "too small"],
  [migrate("downtime-limit: «2h»"), "migrate.0.downtime-limit", "too large"],
  [`${BASE}migrate: [{ guest: «wbe», to: b }]`, "migrate.0.guest", 'did you mean "web"?'],
  [`${BASE}migrate: [{ guest: web, to: «c» }]`, "migrate.0.to", 'there is no host "c"'],
  [`${BASE}migrate: [{ guest: web, to: «a» }]`, "migrate.0.to", "web stands on a already"],
  [`${BASE}plan: { evacuate: «c» }`, "plan.evacuate", 'there is no host "c"'],
  [`${BASE}plan: { swap: [a, «a»] }`, "plan.swap.1", '"a" is named twice'],
  [`${BASE}plan: { consolidate: [a, «x»] }`, "plan.consolidate.1", 'there is no host "x"'],
  [`${BASE}plan: { swap: «[a]» }`, "plan.swap", "must name two hosts"],
  [`${BASE}plan: { strategy: seed }`, "plan", "names nothing to do: give one of evacuate, swap"],
  [`${BASE}plan: { evacuate: a, swap: [a, b] }`, "plan", "names evacuate and swap"],
  [
    `${BASE}migrate: [{ guest: web, to: b }]\n«plan»: { evacuate: a }`,
    "plan",
    "decides what is migrated",
  ],
  [`${BASE}plan: { evacuate: «b» }`, "plan.evacuate", "b runs no guest"],
  [
    `hosts: { a: , b: { memory: 1GiB } }\nlinks: [{ between: [a, b] }]\nguests: { g: { on: a, memory: 1MiB } }\nplan: { evacuate: «a» }`,
    "plan.evacuate",
    "its guests need 1 MiB and the hosts that it reaches have 0 B free: 1 MiB are missing",
  ],
  [
    `${BASE}plan: { evacuate: a, strategy: «pre-copy+wsclock:bits=reference» }`,
    "plan.strategy",
    "web shows no reads",
  ],
  [`${BASE}at-once: 2\n«admission»: lt-rt`, "admission", "leave one of the two out"],
  [`${BASE}admission: «shortest»`, "admission", 'there is no admission rule "shortest"'],
  [`${BASE}admission: «at-once:0»`, "admission", "at-once:n"],
  [`${BASE}switches: [«a»]`, "switches.0", "is the name of a host"],
  [`${BASE}switches: [tor, «tor»]`, "switches.1", "is the name of another switch"],
  [
    `hosts: {a: , b: }\nguests: {}\nswitches: [tor]\nlinks: [{ between: [a, «rot»] }]`,
    "links.0.between.1",
    'there is no host or switch "rot"',
  ],
  [
    `hosts: { a: , b: , c: }\nguests: { g: { on: a, memory: 1MiB } }\nlinks: [{ between: [a, b] }, { between: [b, c] }]\nmigrate: [{ guest: g, to: «c» }]`,
    "migrate.0.to",
    "no link joins a and c",
  ],
  [
    `${BASE}migrate: [{ guest: web, to: b }, { guest: web, to: «b» }]`,
    "migrate.1.to",
    "web stands on b already",
  ],
  [
    `hosts: { a: , b: }\nguests: { g: { on: a, memory: 1MiB } }\nmigrate: [{ guest: g, to: «b» }]`,
    "migrate.0.to",
    "no link joins a and b: add { between: [a, b] } to links",
  ],
  [`hosts: {a: }\nguests: {}\nlinks: [{ between: [a, «c»] }]`, "links.0.between.1", 'no host "c"'],
  [`hosts: {a: }\nguests: {}\nlinks: [{ between: «[a, a]» }]`, "links.0.between", "with itself"],
  [
    `hosts: {a: , b: }\nguests: {}\nlinks: [{ between: [a, b] }, { between: «[b, a]» }]`,
    "links.1.between",
    "are joined already",
  ],
  [
    `hosts: {a: }\nguests: {}\nlinks:\n  - between: «[a]»`,
    "links.0.between",
    "must name two hosts, as in [xen-a, xen-b]",
  ],
  [
    `hosts: {a: , b: }\nguests: {}\nlinks: [{ between: [a, b], bandwidth: «10Gb» }]`,
    "links.0.bandwidth",
    '"10Gb" is not a rate: write a number and a unit (bit/s',
  ],
  [
    `hosts: {a: , b: }\nguests: {}\nlinks: [{ between: [a, b], bandwidth: «0bit/s» }]`,
    "links.0.bandwidth",
    "too small: it must be from 1kbit/s",
  ],
  [
    `hosts: {a: , b: }\nguests: {}\nlinks: [{ between: [a, b], bandwidth: «unlimited» }]`,
    "links.0.bandwidth",
    "too large",
  ],
  [
    `hosts: {a: , b: }\nguests: {}\nlinks: [{ between: [a, b], mtu: «100» }]`,
    "links.0.mtu",
    "from 576 to 65535",
  ],
];

describe("a mistake in a scenario", () => {
  for (const [name, cases] of Object.entries({ FIELDS, ACTIVITIES, MOVES })) {
    it.each(cases)(`${name}: %s`, async (text, path, message) => {
      const { text: plain, places } = marked(text);
      const error = await refusal(plain);
      const [problem] = error.problems;
      expect(error.problems).toHaveLength(1);
      expect(problem?.path).toBe(path);
      expect(problem?.message).toContain(message);
      if (places.length > 0) expect(problem).toMatchObject(places[0] as object);
    });
  }
});

describe("text that is no YAML", () => {
  const cases: Case[] = [
    ["hosts: {}\n«hosts»: {}\n", "", '"hosts" was given already'],
    ["hosts: { «__proto__»: {} }\n", "", "a key must be a name, not __proto__"],
    ["hosts: { «[a]»: {} }\n", "", "a key must be a name, not a list or mapping"],
    ["hosts: { a: «*x» }\n", "", "*x names no anchor: write &x first"],
    ["hosts: {}\n«-»--\nguests: {}\n", "", "a second document begins here"],
    ["hosts:\n«\t»a: {}\n", "", "a tab indents this line"],
    ["hosts: «!thing» {}\n", "", "tags (!name) have no meaning"],
    ["hosts: {}\ntitle: 'x\n", "", "Missing closing"],
  ];
  it.each(cases)("%s", async (text, path, message) => {
    const { text: plain, places } = marked(text);
    const error = await refusal(plain);
    const [problem] = error.problems;
    expect(problem?.path).toBe(path);
    expect(problem?.message).toContain(message);
    if (places.length > 0) expect(problem).toMatchObject(places[0] as object);
  });
});

describe("what depends on a recording", () => {
  const withTrace = (fields: string, memory = "16MiB") =>
    `hosts: { a: { memory: 2GiB } }\nguests:\n  x: { on: a, memory: ${memory}, trace: { ${fields} } }`;

  it("is told at the field that has to change", async () => {
    const small = marked(withTrace("file: t", "«1MiB»"));
    const error = await refusal(small.text);
    expect(error.problems[0]).toMatchObject({ path: "guests.x.memory", ...small.places[0] });
    expect(error.message).toContain("1 MiB is less than the trace has: 1024 pages (4 MiB)");

    const late = marked(withTrace("file: t, start: «1s»"));
    const beyond = await refusal(late.text);
    expect(beyond.problems[0]).toMatchObject({ path: "guests.x.trace.start", ...late.places[0] });
    expect(beyond.message).toContain("1 s is beyond the trace, which lasts 200 ms");
  });

  it("refuses pages of another size", async () => {
    const { text, places } = marked(withTrace("file: «t»"));
    const error = await refusal(text, { readTrace: async () => smallTrace(16, false, 65_536) });
    expect(error.problems[0]).toMatchObject({ path: "guests.x.trace.file", ...places[0] });
    expect(error.message).toContain("pages of 64 KiB: guests have pages of 4 KiB");
  });

  it("counts a memory that the trace brings against the host's", async () => {
    const { text, places } = marked(
      "hosts: { a: { memory: 2GiB } }\nguests:\n  «x»: { on: a, trace: { file: t } }",
    );
    const error = await refusal(text, { readTrace: async () => smallTrace(2 ** 19) });
    expect(error.problems[0]).toMatchObject({ path: "guests.x.memory", ...places[0] });
    expect(error.message).toContain("2 GiB do not fit: a has 1 GiB free of 2 GiB");
  });

  it("passes on why a recording could not be read, at the place that names it", async () => {
    const { text, places } = marked(withTrace("file: «t»"));
    const readTrace = async (path: string) => {
      throw new PrecopyError("bad-trace", "there is no such file", { file: path });
    };
    const error = await refusal(text, { readTrace });
    expect(error.problems[0]).toMatchObject({ path: "guests.x.trace.file", ...places[0] });
    expect(error.message).toContain("dir/t: there is no such file");
  });

  it("does not hide a failure that is not the user's", async () => {
    const readTrace = async () => {
      throw new TypeError("out of order");
    };
    await expect(refusal(withTrace("file: t"), { readTrace })).rejects.toThrow("out of order");
  });

  it("is not looked at while anything else is wrong", async () => {
    let reads = 0;
    const readTrace = async () => {
      reads++;
      return smallTrace();
    };
    await refusal(withTrace("file: t, end: never"), { readTrace });
    await refusal(withTrace("file: t", "1TiB"), { readTrace });
    expect(reads).toBe(0);
  });
});

describe("many mistakes", () => {
  it("are told in one go, in the order of the file", async () => {
    const text = `«sede»: 1
hosts:
  a: { cpus: «none» }
  b: {}
links:
  - { between: [a, «bb»], bandwidth: «10Gb» }
guests:
  web: { on: «c», memory: «5» }
migrate:
  - { guest: «wbe», to: b, strategy: «pre-cpoy», «att»: 1s }
`;
    const error = await expectProblems(text, [
      ["sede", 'did you mean "seed"?'],
      ["hosts.a.cpus", "must be a whole number"],
      ["links.0.between.1", 'there is no host "bb"'],
      ["links.0.bandwidth", "is not a rate"],
      ["guests.web.on", 'there is no host "c"'],
      ["guests.web.memory", "5 has no unit"],
      ["migrate.0.guest", 'did you mean "web"?'],
      ["migrate.0.strategy", 'there is no strategy "pre-cpoy"'],
      ["migrate.0.att", 'did you mean "at"?'],
    ]);
    expect(error.code).toBe("bad-scenario");
    expect(error.place).toEqual({ file: "dir/test.yaml", line: 1, column: 1 });
    expect(error.message.startsWith("dir/test.yaml:1:1: sede: is no key here")).toBe(true);
    expect(error.message).toContain("\ndir/test.yaml:6:36: links.0.bandwidth: ");
    expect(error.message.match(/\^+/g)).toHaveLength(9);
  });

  it("are told once for each use of an alias, where the anchor stands", async () => {
    const { text, places } = marked("hosts: { a: &h { cpus: «0» }, b: *h }\nguests: {}");
    const error = await refusal(text);
    expect(error.problems.map(({ path }) => path)).toEqual(["hosts.a.cpus", "hosts.b.cpus"]);
    for (const problem of error.problems) expect(problem).toMatchObject(places[0] as object);
  });

  it("show twenty, and count the others", async () => {
    const keys = Array.from({ length: 33 }, (_, i) => `key${i}: 1\n`).join("");
    const error: ScenarioError = await refusal(keys + BASE);
    expect(error.problems).toHaveLength(33);
    expect(error.message.match(/is no key here/g)).toHaveLength(20);
    expect(error.message.endsWith("and 13 more problems")).toBe(true);
  });
});

describe("the frame of a problem", () => {
  it("shows the line with carets under what is meant", async () => {
    const error = await refusal(`${BASE}at-once: none\n`);
    expect(error.message.split("\n").slice(1)).toEqual([
      "    8 | at-once: none",
      "      |          ^^^^",
    ]);
  });

  it("cuts a long line around the place", async () => {
    const error = await refusal(`${BASE}  x: { on: a, ${" ".repeat(300)} memory: 7 }\n`);
    const [, line, carets] = error.message.split("\n") as [string, string, string];
    expect(line.length).toBeLessThan(110);
    expect(line[carets.indexOf("^")]).toBe("7");
  });
});
