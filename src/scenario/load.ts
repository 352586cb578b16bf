/**
 * Loads a scenario: text → data with places → checked → recordings read → specification. Nothing
 * here touches a file system or a network; recordings come through a function of the caller's.
 */
import type { z } from "zod";
import { PrecopyError } from "../base/errors.js";
import type { Trace } from "../guest/trace.js";
import type { ReadTraceOptions } from "../guest/trace-read.js";
import { Registry } from "../migrate/registry.js";
import type { SimulationSpec } from "../model/spec.js";
import { applyChanges, type FieldChange } from "./changes.js";
import { checkEvidence, checkTraces, checkValues } from "./checks.js";
import { ScenarioDocument } from "./document.js";
import { applyPlan, checkPlan } from "./plan.js";
import { clean, type FieldPath, type Finding, ScenarioError } from "./problems.js";
import { checkReferences } from "./references.js";
import { type ScenarioFile, scenarioSchema, type TraceFile } from "./schema.js";
import { toSpec } from "./to-spec.js";

/** How a scenario wants its recording read; the path gives the name. */
export type ScenarioTraceOptions = Omit<ReadTraceOptions, "name">;

export interface LoadScenarioOptions {
  /** Path or address of the scenario: it names the file in errors, and traces lie beside it. */
  readonly file: string;
  /** Reads a recording. Its {@link PrecopyError} is told with the place that names the trace. */
  readonly readTrace: (path: string, options: ScenarioTraceOptions) => Promise<Trace>;
  /** Names of strategies, predictors and presets; by default those that this package brings. */
  readonly registry?: Registry;
  /** Fields that get another value than the file gives them. */
  readonly changes?: readonly FieldChange[];
}

export interface LoadedScenario {
  readonly title: string;
  readonly spec: SimulationSpec;
  /** Strategies for `compare`, at least one. */
  readonly compare: readonly string[];
}

/**
 * Loads a scenario (YAML 1.2 or JSON). Whatever is wrong with it is a {@link ScenarioError}
 * `bad-scenario` with all problems at their places; traces are read when all else is right.
 */
export async function loadScenario(
  text: string,
  options: LoadScenarioOptions,
): Promise<LoadedScenario> {
  const registry = options.registry ?? Registry.standard();
  const { scenario, refuse } = checkForm(text, { ...options, registry });
  refuse([...checkPlan(scenario), ...checkValues(scenario)]);

  const { traces, problems } = await readTraces(scenario, options);
  refuse(problems);
  refuse(checkTraces(scenario, traces));
  const { spec, findings: impossible } = applyPlan(scenario, toSpec(scenario, traces));
  refuse(impossible);
  refuse(checkEvidence(scenario, spec, registry));
  return { title: scenario.title, spec, compare: scenario.compare };
}

/**
 * The form of a scenario alone: each field by itself, and names that point at other parts. The
 * first step of {@link loadScenario}, for those who want to know of one field whether it is right.
 */
export function checkForm(
  text: string,
  options: Pick<LoadScenarioOptions, "file" | "registry" | "changes">,
): { scenario: ScenarioFile; refuse: (findings: readonly Finding[]) => void } {
  const file = options.file === "" ? "scenario" : clean(options.file);
  const registry = options.registry ?? Registry.standard();
  const document = new ScenarioDocument(text);
  if (document.problems.length > 0) throw new ScenarioError(document.problems, { file, text });
  const refuse = (findings: readonly Finding[]) => {
    if (findings.length === 0) return;
    const all = firstAtEach(findings);
    throw new ScenarioError(document.locate(all), { file, text, total: all.length });
  };
  const value = applyChanges(document.value, options.changes ?? []);
  const fields = scenarioSchema(registry).safeParse(value);
  const findings = (fields.error?.issues ?? []).flatMap(findingsOf);
  refuse([...checkReferences(value), ...findings]);
  return { scenario: fields.data as ScenarioFile, refuse };
}

/** Reads each recording once, however many guests follow it. */
async function readTraces(
  scenario: ScenarioFile,
  { file, readTrace }: LoadScenarioOptions,
): Promise<{ traces: Map<string, Trace>; problems: Finding[] }> {
  const traces = new Map<string, Trace>();
  const problems: Finding[] = [];
  const read = new Map<string, Trace>();
  for (const [name, { trace: options }] of Object.entries(scenario.guests)) {
    if (options === undefined) continue;
    const path = besides(file, options.file);
    const readOptions = traceOptions(options);
    const key = JSON.stringify([path, readOptions]);
    try {
      const trace = read.get(key) ?? (await readTrace(path, readOptions));
      read.set(key, trace);
      traces.set(name, trace);
    } catch (error) {
      if (!(error instanceof PrecopyError)) throw error;
      problems.push({ path: ["guests", name, "trace", "file"], message: error.message });
    }
  }
  return { traces, problems };
}

function traceOptions(trace: TraceFile): ScenarioTraceOptions {
  const rate = trace["instruction-rate"];
  const epochAccesses = trace["epoch-accesses"];
  const accessesPerSec = trace["access-rate"];
  return {
    format: trace.format,
    ...(trace.clock !== undefined && { clock: trace.clock }),
    ...(rate !== undefined && { instructionsPerSec: rate }),
    ...(trace.epoch !== undefined && { epochNs: trace.epoch }),
    ...(epochAccesses !== undefined && { epochAccesses }),
    ...(accessesPerSec !== undefined && { accessesPerSec }),
  };
}

/** A path as seen from the folder of `file`; absolute paths and addresses stay. */
function besides(file: string, path: string): string {
  if (/^([/\\]|[A-Za-z]:[/\\]|[A-Za-z][A-Za-z0-9+.-]+:\/\/)/.test(path)) return path;
  const end = Math.max(file.lastIndexOf("/"), file.lastIndexOf("\\")) + 1;
  return file.slice(0, end) + path;
}

/** What zod found, as problems at fields; one for each unknown key. */
function findingsOf(issue: z.core.$ZodIssue): Finding[] {
  const path = issue.path as FieldPath;
  if (issue.code === "unrecognized_keys") {
    const messages = issue.message.split("\n");
    return issue.keys.slice(0, messages.length).map((key, i) => ({
      path: [...path, key],
      at: "key",
      message: messages[i] ?? "is no key here",
    }));
  }
  const at = issue.code === "invalid_key" ? "key" : "value";
  return [{ path, at, message: issue.message }];
}

/** One problem at a field is enough: the others often follow from it. */
function firstAtEach(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ path }) => {
    const key = JSON.stringify(path);
    return seen.has(key) ? false : seen.add(key);
  });
}
