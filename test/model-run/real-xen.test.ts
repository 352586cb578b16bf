/**
 * The `xen` preset against real Xen. The engine runs on a modelled guest that writes as the real
 * one did, and each round lasts as long as the real one was measured to; then it must go through
 * the same number of live rounds and stop for the same reason.
 *
 * The guest's kernel writes too: a few pages all the time, some others about once a second. How
 * many was read off the idle runs alone (x01 and x13 for PV, h01 for PVH); all others check it.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { SyntheticComponent } from "../../src/guest/synthetic.js";
import { Kernels } from "../../src/kernels/index.js";
import type { Command, MigrationEvent } from "../../src/migrate/messages.js";
import { Migration } from "../../src/migrate/migration.js";
import { Registry } from "../../src/migrate/registry.js";
import { ModelGuest } from "../../src/model/model-guest.js";
import { resolveConfigs } from "../../src/model/setup.js";
import { small } from "../support/specs.js";

interface RealRound {
  readonly phase: "live" | "stop_and_copy";
  readonly xen_dirty_count: number;
  readonly dirty_interval_s?: number;
}

interface RealRun {
  readonly id: string;
  readonly domain_type: "pv" | "pvh";
  readonly domu: { readonly ram_pages?: number; readonly memory_mb: number };
  readonly dirtier: {
    readonly mode: "seq" | "rand" | "hot";
    readonly ws_pages: number;
    readonly pages_per_s: number;
  };
  readonly rounds: readonly RealRound[];
  readonly live_rounds: number;
  readonly stop_reason: string;
}

const file = new URL("../fixtures/xen-migrations.jsonl", import.meta.url);
const runs = readFileSync(file, "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as RealRun);

const STOP_REASONS: Record<string, string> = {
  "dirty_count<50": "dirty-count",
  max_iterations: "max-iterations",
};

/** Pages that an idle kernel writes all the time, and those it writes about once a second. */
const KERNEL_PAGES = { pv: { hot: 30, slow: 62 }, pvh: { hot: 53, slow: 64 } };

function components({ domain_type, dirtier }: RealRun, pages: number): SyntheticComponent[] {
  const { hot, slow } = KERNEL_PAGES[domain_type];
  const list: SyntheticComponent[] = [
    {
      pattern: { kind: "uniform", firstPage: pages - hot, pages: hot },
      accessesPerSec: 1000 * hot,
    },
    {
      pattern: { kind: "uniform", firstPage: pages - hot - slow, pages: slow },
      accessesPerSec: slow,
    },
  ];
  if (dirtier.pages_per_s > 0) {
    const kind = dirtier.mode === "seq" ? "sequential" : "uniform";
    list.push({
      pattern: { kind, firstPage: 0, pages: dirtier.ws_pages },
      accessesPerSec: dirtier.pages_per_s,
    });
  }
  return list;
}

/** Runs the engine with the measured intervals between readings of the log. */
function replay(run: RealRun): { migration: Migration; counts: number[] } {
  const pages = (run.domu.memory_mb * 2 ** 20) / 4096;
  const spec = small({
    pages,
    activity: { kind: "synthetic", components: components(run, pages) },
    strategy: "pre-copy@xen",
  });
  const [config] = resolveConfigs(spec, Registry.standard());
  const kernels = Kernels.loadSync({ arenaBytes: 64 << 20 });
  const engine = new Migration(config!, kernels);
  const guest = new ModelGuest({
    kernels,
    spec: spec.domains[0]!,
    seed: 7,
    trackReferences: false,
    trackLastUse: false,
    foresees: false,
  });
  // Before the log is on the guest has been writing for a while.
  let nowNs = 5_000_000_000;
  let reading = 0;
  const counts: number[] = [];
  const answers: MigrationEvent[] = [{ kind: "start", atNs: nowNs }];
  while (!engine.ended && answers.length > 0) {
    const out: Command[] = [];
    engine.handle(answers.shift()!, out);
    for (const command of out) {
      if (command.kind === "enable-log-dirty") {
        guest.advanceTo(nowNs);
        guest.enableLogDirty();
      }
      if (command.kind === "pause") return { migration: engine, counts };
      if (command.kind === "harvest") {
        nowNs += Math.round((run.rounds[++reading]?.dirty_interval_s ?? 0) * 1e9);
        guest.advanceTo(nowNs);
        const count = guest.harvest("ram", command.into);
        counts.push(count);
        answers.push({ kind: "harvested", id: command.id, atNs: nowNs, count, virtualNs: nowNs });
      } else if (command.kind === "send") {
        answers.push({ kind: "sent", id: command.id, atNs: nowNs });
      } else if (command.kind === "read-batch") {
        const headerPages = command.pages.length;
        const read = { id: command.id, atNs: nowNs, bodyBytes: headerPages * 4096, headerPages };
        answers.push({ kind: "batch-read", ...read });
      } else if ("id" in command && command.kind !== "set-timer") {
        answers.push({ kind: "done", id: command.id, atNs: nowNs, virtualNs: nowNs });
      }
    }
  }
  throw new Error("the engine never paused the guest");
}

describe("xen against 17 real xl migrate runs", () => {
  it.each(runs.map((run) => [run.id, run] as const))("%s: rounds and stop reason", (_id, run) => {
    const { migration } = replay(run);
    expect(migration.rounds.length).toBe(run.live_rounds);
    expect(migration.stopReason).toBe(STOP_REASONS[run.stop_reason]);
  });

  it("dirties as many pages a round as the real guests did", () => {
    const errors: number[] = [];
    for (const run of runs) {
      const { counts } = replay(run);
      run.rounds.slice(1).forEach((round, i) => {
        const count = counts[i];
        if (round.phase !== "live" || count === undefined || round.xen_dirty_count < 500) return;
        errors.push(Math.abs(count / round.xen_dirty_count - 1));
      });
    }
    errors.sort((a, b) => a - b);
    expect(errors.length).toBeGreaterThan(25);
    expect(errors[Math.floor(errors.length / 2)]).toBeLessThan(0.03);
    expect(errors[Math.floor(errors.length * 0.9)]).toBeLessThan(0.1);
  });
});
