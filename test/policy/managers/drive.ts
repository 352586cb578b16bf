/** Polls a manager as an engine would, and tells what it did, and when. */
import { parseParams } from "../../../src/base/params.js";
import type { Manager, ManagerAction, Progress } from "../../../src/policy/manager.js";
import { MANAGERS } from "../../../src/policy/managers/index.js";

export const GIB = 2 ** 30;

/** A manager by its name, for a guest of `gib` GiB. */
export function manager(name: string, text: string, gib = 8): Manager {
  const factory = MANAGERS.find((each) => each.name === name);
  if (factory === undefined) throw new Error(`no manager ${name}`);
  const context = { memoryBytes: gib * GIB, downtimeLimitNs: 300_000_000 };
  return factory.create(context, parseParams(name, text, factory.params));
}

export function progress(given: Partial<Progress>): Progress {
  return {
    elapsedNs: 0,
    memoryBytes: 8 * GIB,
    remainingBytes: GIB,
    sentBytes: 0,
    iteration: 0,
    bandwidthBytesPerSec: 1e8,
    downtimeLimitNs: 300_000_000,
    state: "pre-copy",
    ...given,
  };
}

/** "300 ms", "cancel", "post-copy", "pause", or the bandwidth in bytes a second. */
export function words(action: ManagerAction): string {
  switch (action.kind) {
    case "set-downtime-limit":
      return `${action.downtimeLimitNs / 1e6} ms`;
    case "set-bandwidth":
      return `${action.bytesPerSec} B/s`;
    default:
      return action.kind;
  }
}

/** What was done at which second, polling from 0 to `untilSec`; ends at a cancel. */
export function drive(
  polled: Manager,
  at: (sec: number) => Partial<Progress>,
  untilSec: number,
): [number, string][] {
  const done: [number, string][] = [];
  for (let elapsedNs = 0; elapsedNs <= untilSec * 1e9; elapsedNs += polled.pollNs) {
    const sec = elapsedNs / 1e9;
    const actions = polled.poll(progress({ elapsedNs, ...at(sec) }));
    for (const action of actions) done.push([sec, words(action)]);
    if (actions.some(({ kind }) => kind === "cancel")) break;
  }
  return done;
}
