/** Loading for tests: recordings that are made here, and texts that mark where a problem is. */
import { type Trace, TraceBuilder } from "../../src/guest/trace.js";
import {
  type LoadedScenario,
  type LoadScenarioOptions,
  loadScenario,
  ScenarioError,
  type ScenarioProblem,
} from "../../src/scenario/index.js";

/** A recording of ten 20 ms intervals, in each of which page i is written. */
export function smallTrace(pages = 1024, hasReads = false, pageSizeBytes = 4096): Trace {
  const header = { pageSizeBytes, pages, hasReads, clock: "time", source: "small" } as const;
  const builder = new TraceBuilder(header);
  for (let i = 0; i < 10; i++) builder.append({ endNs: (i + 1) * 20_000_000, written: [i] });
  return builder.finish();
}

export function load(
  text: string,
  options: Partial<LoadScenarioOptions> = {},
): Promise<LoadedScenario> {
  const readTrace = async () => smallTrace();
  return loadScenario(text, { file: "dir/test.yaml", readTrace, ...options });
}

/** The error that loading a text ends in. */
export async function refusal(
  text: string,
  options: Partial<LoadScenarioOptions> = {},
): Promise<ScenarioError> {
  const error = await load(text, options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ScenarioError) return error;
  throw new Error(`expected a ScenarioError, got ${error}`);
}

/** Two hosts, a link and one guest of each kind, for what comes after them. */
export const BASE = `hosts:
  a: { memory: 4GiB }
  b: {}
links:
  - { between: [a, b] }
guests:
  web: { on: a, memory: 64MiB, workload: [{ pattern: uniform, rate: 100/s }] }
`;

/** Takes «…» out of a text and says where they stood; line and column from 1. */
export function marked(text: string): {
  text: string;
  places: Pick<ScenarioProblem, "line" | "column" | "length">[];
} {
  const places: Pick<ScenarioProblem, "line" | "column" | "length">[] = [];
  const lines = text.split("\n").map((line, i) => {
    let plain = line;
    for (let open = plain.indexOf("«"); open >= 0; open = plain.indexOf("«")) {
      const close = plain.indexOf("»");
      places.push({ line: i + 1, column: open + 1, length: close - open - 1 });
      plain = plain.slice(0, open) + plain.slice(open + 1, close) + plain.slice(close + 1);
    }
    return plain;
  });
  return { text: lines.join("\n"), places };
}
