/**
 * A move between two processes over TCP, broken at every stage in every way: a process killed, the
 * line cut, the move cancelled. What becomes of the guest is what docs/PROTOCOL.md says; its turns
 * never overlap in time, and whoever has it goes on with it.
 */
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { End, Line } from "../support/live-processes.js";

type Fault = "source killed" | "target killed" | "line cut" | "line cut for good" | "cancelled";

/** The message at which the source stands still, and which of them. */
const STAGES = {
  initialisation: { standAt: "enable-log-dirty", standTimes: 1 },
  reservation: { standAt: "prepare", standTimes: 1 },
  "iterative pre-copy": { standAt: "round-ended", standTimes: 1 },
  "stop-and-copy": { standAt: "finish", standTimes: 1 },
  commitment: { standAt: "commit", standTimes: 1 },
  activation: { standAt: "go", standTimes: 1 },
  // The first word is image-complete, the second that it runs.
  "residual push": { standAt: "peer", standTimes: 2 },
  "residual push with recovery": { standAt: "peer", standTimes: 2 },
} as const;

type Stage = keyof typeof STAGES;

/** Outcome at the source, and who runs the guest in the end. */
type Fate = readonly [outcome: string | undefined, runs: "source" | "target" | "nobody"];

const STAYS: Fate = ["source-runs", "source"];
const MOVES: Fate = ["target-runs", "target"];

/** Before the commit point; from then on until the target is heard, when GO has reached it. */
const BEFORE: Record<Fault, Fate> = {
  "source killed": [undefined, "nobody"],
  "target killed": STAYS,
  "line cut": STAYS,
  "line cut for good": STAYS,
  cancelled: STAYS,
};
const AFTER: Record<Fault, Fate> = {
  "source killed": [undefined, "target"],
  "target killed": ["in-doubt", "nobody"],
  "line cut": MOVES,
  "line cut for good": ["in-doubt", "target"],
  cancelled: MOVES,
};

/** Post-copy: pages are absent at the target. */
const HALF: Record<Fault, Fate> = {
  "source killed": [undefined, "nobody"],
  "target killed": ["lost", "nobody"],
  "line cut": ["lost", "nobody"],
  "line cut for good": ["lost", "nobody"],
  cancelled: MOVES,
};

function fateOf(stage: Stage, fault: Fault): Fate {
  if (stage === "residual push with recovery" && fault === "line cut") return MOVES;
  if (stage.startsWith("residual push")) return HALF[fault];
  if (stage === "activation") return AFTER[fault];
  // A commit that is being recorded cannot be cancelled any more.
  if (stage === "commitment" && fault === "cancelled") return MOVES;
  return BEFORE[fault];
}

const FAULTS = Object.keys(BEFORE) as Fault[];
/** Before the commit point nobody waits for a line; recovery is for lines that were cut. */
function matters(stage: Stage, fault: Fault): boolean {
  if (stage === "residual push with recovery") return fault.startsWith("line cut");
  return fault !== "line cut for good" || stage === "activation";
}

const cases = (Object.keys(STAGES) as Stage[]).flatMap((stage) =>
  FAULTS.filter((fault) => matters(stage, fault)).map((fault, i) => ({
    ...{ stage, fault, secret: i % 2 === 0 ? "a secret of both" : undefined },
  })),
);

const lines: Line[] = [];
const ends = new Set<End>();
const idle: End[] = [];

/** A process that is up. */
function anEnd(): End {
  const end = idle.pop() ?? new End();
  ends.add(end);
  return end;
}

afterEach(() => {
  for (const line of lines.splice(0)) line.close();
});

afterAll(async () => {
  for (const end of ends) await end.kill();
});

async function strike(fault: Fault, stage: Stage, ends: { source: End; target: End; line: Line }) {
  const { source, target, line } = ends;
  await source.heard("at");
  if (fault === "cancelled") return;
  if (stage === "activation") {
    // GO goes out, what the target makes of it does not come back.
    line.holdAnswers();
    source.release();
    await target.heard("stage", (reached) => reached === "running");
  }
  if (fault === "source killed") await source.kill();
  else if (fault === "target killed") await target.kill();
  else line.cut(fault === "line cut");
  if (fault !== "source killed" && stage !== "activation") source.release();
}

/** The last turn here came before the first one there. */
function expectOneAtATime(source: End, target: End): void {
  const turnsOf = ({ words }: End) => words.filter(({ turns }) => turns !== undefined);
  const last = turnsOf(source).at(-1);
  const first = turnsOf(target)[0];
  if (last === undefined || first === undefined) return;
  expect(first.atNs).toBeGreaterThan(last.atNs as number);
  expect(first.turns).toBeGreaterThan(last.turns as number);
}

async function fate(stage: Stage, fault: Fault, secret: string | undefined) {
  const target = anEnd();
  // A v86 guest that runs while pages are absent needs a thread of its own (post-copy.test.ts).
  const guest = stage.startsWith("residual") ? "calculable" : "tiny";
  target.do({ do: "serve", guest, patienceMs: 1500, ...(secret !== undefined && { secret }) });
  const line = await Line.to((await target.heard("listening")).listening);
  lines.push(line);
  const source = anEnd();
  const postCopy = stage.endsWith("recovery") ? "post-copy:recover=true" : "post-copy";
  source.do({
    ...{ do: "migrate", guest, port: line.port, timeoutMs: 4000 },
    strategy: stage.startsWith("residual") ? postCopy : "pre-copy+zero",
    ...STAGES[stage],
    recordMs: stage === "commitment" ? 500 : 0,
    cancels: fault === "cancelled",
    ...(secret !== undefined && { secret }),
  });
  await strike(fault, stage, { source, target, line });
  const outcome = fault === "source killed" ? undefined : (await source.heard("outcome")).outcome;
  return { outcome, source, target };
}

describe("a move between two processes", () => {
  it.each(cases)("$fault in $stage, secret: $secret", async ({ stage, fault, secret }) => {
    const { outcome, source, target } = await fate(stage, fault, secret);
    const [wanted, runs] = fateOf(stage, fault);
    expect(outcome).toBe(wanted);
    if (fault === "cancelled") {
      expect((await source.heard("cancelled")).cancelled).toBe(wanted === "source-runs");
    }
    for (const [name, end] of Object.entries({ source, target })) {
      if (end.exitCode !== undefined) continue;
      if (name === "target" && stage.startsWith("residual") && name !== runs) {
        await end.heard("stage", (reached) => reached === "abandoned");
      }
      const told = await end.tell();
      expect(told.runs, `the ${name} runs it`).toBe(name === runs);
      if (name !== runs) continue;
      expect(told.wrongPages).toBe(0);
      expect(await end.goesOn()).toBeGreaterThan(0);
    }
    expectOneAtATime(source, target);
    for (const end of [source, target]) {
      if (end.exitCode !== undefined) continue;
      await end.reset();
      idle.push(end);
    }
  });

  it("leaves no timer behind: both processes end by themselves", async () => {
    const { outcome, source, target } = await fate("activation", "line cut", undefined);
    expect(outcome).toBe("target-runs");
    expect(await Promise.all([source.leave(), target.leave()])).toEqual([0, 0]);
  });
});
