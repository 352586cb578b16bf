import { describe, expect, it } from "vitest";
import { simulate } from "../../src/model/simulation.js";
import type { SimulationSpec } from "../../src/model/spec.js";
import type { Palette } from "../../src/report/palette.js";
import { migrationIndexes, routeOf, summaryText } from "../../src/report/summary.js";
import { host, small } from "../support/specs.js";
import { migration, paging, resultOf, round } from "./results.js";

const MS = 1_000_000;
const REPEAT = "precopy run x.yaml --seed 1";

const MARKED: Palette = {
  bold: (text) => text,
  dim: (text) => text,
  good: (text) => `<good>${text}</good>`,
  warn: (text) => `<warn>${text}</warn>`,
  bad: (text) => `<bad>${text}</bad>`,
};

/** The small simulation with its guest named as in the hand-made results. */
function specFor(changes: Partial<SimulationSpec> = {}): SimulationSpec {
  const spec = small();
  const domains = spec.domains.map((domain) => ({ ...domain, name: "web" }));
  const migrations = spec.migrations.map((one) => ({ ...one, domain: "web" }));
  return { ...spec, domains, migrations, ...changes };
}

function textOf(
  changes: Parameters<typeof migration>[0] = {},
  options: Partial<Parameters<typeof summaryText>[1]> = {},
): string {
  const spec = specFor();
  return summaryText(resultOf([migration(changes)]), { spec, repeat: REPEAT, ...options });
}

describe("summaryText", () => {
  it("opens with guest, size, route, link, strategy and seed", () => {
    const [head = ""] = textOf().split("\n");
    for (const part of ["web", "3.91 MiB", "1,000 pages", "a → b", "1 Gbit/s", "100 µs"]) {
      expect(head).toContain(part);
    }
    expect(head).toMatch(/pre-copy@xen +seed 1$/);
  });

  it("has a line per round, with a bar where pages were dirtied", () => {
    const lines = textOf().split("\n");
    const first = lines.find((line) => /^ +1 /.test(line)) ?? "";
    expect(first).toMatch(/1 +3\.91 MiB +1,000 +50 ms +657 Mbit\/s +176 +█+$/);
    const second = lines.find((line) => /^ +2 /.test(line)) ?? "";
    expect(second).toMatch(/not read$/);
  });

  it("shows columns for skipping, holding and throttling only where they happened", () => {
    const head = (text: string) => text.split("\n").find((line) => line.includes("dirtied")) ?? "";
    expect(head(textOf())).not.toMatch(/skipped|held|CPU/);
    const rounds = [round({ pagesSkipped: 3, pagesHeld: 40, cpuShare: 0.5 })];
    const text = textOf({ rounds });
    expect(head(text)).toMatch(/skipped +held +CPU/);
    expect(text).toMatch(/1,000 +3 +40 +50 % +50 ms/);
  });

  it("lists the six stages, the last three as the downtime", () => {
    const text = textOf();
    expect(text).toMatch(/initialisation +5 ms\n/);
    expect(text).toMatch(/stop-and-copy +10 ms +┐\n/);
    expect(text).toMatch(/commitment +2 ms +├ downtime 15 ms\n/);
    expect(text).not.toContain("residual push");
    const { stagesNs } = migration();
    const pushed = textOf({ stagesNs: { ...stagesNs, residualPush: 7 * MS } });
    expect(pushed).toMatch(/residual push +7 ms\n/);
  });

  it("states costs, checks, and the command that repeats it", () => {
    const text = textOf();
    expect(text).toMatch(/downtime +15 ms \(guest stood still 9 ms, clients waited 14 ms/);
    expect(text).toMatch(/on the wire +4\.77 MiB, 1\.22 × memory/);
    expect(text).toMatch(/guest slowdown +2 %/);
    expect(text).toContain("target equals source, every send was owed");
    expect(text).toContain(`repeat           ${REPEAT}\n`);
    expect(text).toContain("0123456789abcdef");
  });

  it("marks limits that were kept and missed", () => {
    const limits = { downtimeNs: 15 * MS, totalNs: 139 * MS };
    const text = textOf({}, { limits, palette: MARKED });
    expect(text).toMatch(/<good>✓<\/good> downtime +15 ms +\(limit 15 ms, guest/);
    expect(text).toMatch(/<bad>✗<\/bad> total time +140 ms +\(limit 139 ms\)/);
    expect(text).not.toMatch(/[✓✗].*guest slowdown/);
  });

  it("warns of a pause over the scenario's budget and of a stop by a limit", () => {
    const over = textOf(
      { downtimeNs: 301 * MS, stopReason: "max-iterations" },
      { palette: MARKED },
    );
    expect(over).toMatch(/<warn>!<\/warn> downtime +301 ms .*over the budget of 300 ms/);
    expect(over).toMatch(/<warn>Paused: the round limit was reached \(max-iterations\)/);
    expect(textOf({}, { palette: MARKED })).not.toContain("<warn>");
  });

  it("says when a migration was aborted and why", () => {
    const text = textOf({ outcome: "source-runs", stopReason: "timeout" });
    expect(text).toContain("Aborted: the time limit was reached (timeout).");
    expect(text).toContain("the source runs on");
    expect(text).not.toContain("guest stood still");
  });

  it("says why it ended where no round did", () => {
    const early = { rounds: [], outcome: "source-runs", stopReason: "timeout" } as const;
    expect(textOf(early)).toContain("Aborted: the time limit was reached (timeout).");
    const never = textOf({ rounds: [], stopReason: "suspended", stopPages: 1000 });
    expect(never).toMatch(/Paused: nothing is sent before the pause.*1,000 pages left/);
  });

  it("tells what was held back and what the predictor chose", () => {
    const held = { predictor: "wsclock", heldPages: 120, predictorState: { tauNs: 400 * MS } };
    expect(textOf(held)).toMatch(/held back +120 pages of at most 500 +\(wsclock, tau 400 ms\)/);
    expect(textOf()).not.toContain("held back");
  });

  it("tells of the switch to post-copy and what followed it", () => {
    const text = textOf({ postCopy: paging(), residualPages: 900, stopReason: "at once" });
    expect(text).toContain(
      "Switched to post-copy: the guest goes first (at once), 900 pages left to follow.",
    );
    expect(text).toMatch(/\n {2}faults {11}120 \(20 % of the 600 pages used meanwhile\)/);
    expect(textOf()).not.toMatch(/faults|exposure|blocked|throttle|codecs|manager/);
  });

  it("says who has lost the guest, or still runs it", () => {
    const lost = textOf({ outcome: "lost", stopReason: "link lost", postCopy: paging() });
    expect(lost).toContain("Lost: link lost.");
    expect(lost).toMatch(/downtime .*\(the guest is lost\)/);
    expect(textOf({ outcome: "in-doubt" })).toContain("(the source does not run)");
  });

  it("leaves out the middle of a long loop and says so", () => {
    const rounds = Array.from({ length: 100 }, (_, i) => round({ round: i + 1 }));
    const text = textOf({ rounds });
    const shown = text.split("\n").filter((line) => /^ +\d+ .*Mbit/.test(line));
    const hidden = Number(/… (\d+) rounds more/.exec(text)?.[1]);
    expect(shown.length + hidden).toBe(100);
    expect(shown.at(-1)).toMatch(/^ +100 /);
  });

  it.each([60, 80, 120])("keeps to %i columns", (width) => {
    const rounds = [round({ pagesSkipped: 3 }), round({ round: 2, pagesHeld: 4 })];
    const lines = textOf({ rounds, predictor: "wsclock" }, { width }).split("\n");
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
    const techniques = { postCopy: paging(), managerState: { step: 12, why: "progress" } };
    for (const line of textOf(techniques, { width }).split("\n")) {
      expect(line.length).toBeLessThanOrEqual(width);
    }
  });

  it("is the same text for the same result", async () => {
    const spec = small({ strategy: "seed" });
    const texts = await Promise.all(
      [1, 2].map(async () => summaryText(await simulate(spec), { spec, repeat: REPEAT })),
    );
    expect(texts[0]).toBe(texts[1]);
  });

  it("sums up several migrations, those that never started too", () => {
    const spec = specFor();
    const [first] = spec.migrations;
    const twice = { ...spec, migrations: [first!, first!, first!] };
    const results = [migration(), migration({ downtimeNs: 20 * MS })];
    const text = summaryText(resultOf(results, { makespanNs: 500 * MS }), {
      spec: twice,
      repeat: REPEAT,
    });
    expect(text).toContain("All 2 migrations, 2 completed, at most 2 at a time");
    expect(text).toMatch(/makespan +500 ms/);
    expect(text).toMatch(/downtime +worst 20 ms \(web\), median 17\.5 ms, sum 35 ms/);
    expect(text).toContain("1 migration never started.");
  });
});

describe("migrationIndexes and routeOf", () => {
  it("finds each result's own migration when they start in another order", () => {
    const spec = small();
    const [domain] = spec.domains;
    const [one] = spec.migrations;
    const migrations = ["late", "soon"].map((name) => ({ ...one!, domain: name }));
    const domains = ["late", "soon"].map((name) => ({ ...domain!, name }));
    const results = ["soon", "late"].map((guest) => migration({ guest }));
    expect(migrationIndexes(resultOf(results), { ...spec, domains, migrations })).toEqual([1, 0]);
  });

  it("follows a guest that moves twice", () => {
    const spec = specFor();
    const [there] = spec.migrations;
    const both = {
      ...spec,
      hosts: [...spec.hosts, host("c")],
      migrations: [there!, { ...there!, to: "c" }],
    };
    const results = [migration(), migration()];
    expect(migrationIndexes(resultOf(results), both)).toEqual([0, 1]);
    expect(routeOf(both, 0)).toMatchObject({ source: "a", target: "b", link: "1 Gbit/s, 100 µs" });
    expect(routeOf(both, 1)).toEqual({ source: "b", target: "c", link: "" });
  });
});
