/** What the ports promise of the dirty log: nothing is lost, and only a harvest clears it. */
import { PrecopyError } from "../../base/errors.js";
import type { CommandOf } from "../messages.js";
import { must, mustBeIn, mustBeSame, named, type Trial } from "./trial.js";

export async function startsClean<C>(trial: Trial<C>): Promise<void> {
  const { source } = trial;
  await trial.pass();
  for (const again of ["", ", turned on again"]) {
    await trial.pause();
    source.enableLogDirty();
    const pages = trial.harvest();
    must(pages.length === 0, `the log is not clean when it is turned on${again}: ${named(pages)}`);
    await trial.resume();
    await trial.untilWritten();
    source.disableLogDirty();
    await trial.pass();
  }
}

export async function holdsWhatChanged<C>(trial: Trial<C>): Promise<void> {
  const { source } = trial;
  await trial.pause();
  source.enableLogDirty();
  let before = trial.snapshot(source);
  let changes = 0;
  // Three copies at most: arenas do not give memory back.
  for (let round = 0; round < 3; round++) {
    await trial.resume();
    await trial.untilWritten();
    await trial.pass(round);
    await trial.pause();
    const after = trial.snapshot(source);
    const changed = trial.differing(before, after);
    mustBeIn(changed, trial.harvest(), "changed and not in the log");
    changes += changed.length;
    before = after;
  }
  must(changes > 0, "the harness's guest changes the contents of pages");
}

export async function harvestClears<C>(trial: Trial<C>): Promise<void> {
  trial.source.enableLogDirty();
  await trial.untilWritten();
  await trial.pause();
  const first = trial.harvest();
  must(first.length > 0, "a harvest tells nothing of what a peek has seen");
  const second = trial.harvest();
  must(second.length === 0, `still in the log after a harvest: ${named(second)}`);
}

/** A page that the guest goes on writing is in one harvest after another. */
export async function harvestRearms<C>(trial: Trial<C>): Promise<void> {
  trial.source.enableLogDirty();
  const seen = new Set<number>();
  const again = () => {
    const pages = trial.harvest();
    if (pages.some((page) => seen.has(page))) return true;
    for (const page of pages) seen.add(page);
    return false;
  };
  await trial.until(again, "no page that was harvested once came into the log again");
}

export async function peekClearsNothing<C>(trial: Trial<C>): Promise<void> {
  trial.source.enableLogDirty();
  await trial.untilWritten();
  await trial.pause();
  const first = trial.peek();
  mustBeSame(first, trial.peek(), "one peek sees it in the log and the next does not");
  mustBeSame(first, trial.harvest(), "either a peek or the harvest after it has it");
  const after = trial.peek();
  must(after.length === 0, `a peek after a harvest sees it: ${named(after)}`);
}

export async function logsAfterRead<C>(trial: Trial<C>): Promise<void> {
  const { source } = trial;
  source.enableLogDirty();
  await trial.untilWritten();
  trial.harvest();
  const read = trial.snapshot(source);
  await trial.untilWritten();
  await trial.pause();
  const logged = trial.harvest();
  const changed = trial.differing(read, trial.snapshot(source));
  mustBeIn(changed, logged, "changed after it was read and not in the log");
}

export async function readingLeavesLog<C>(trial: Trial<C>): Promise<void> {
  trial.source.enableLogDirty();
  await trial.untilWritten();
  await trial.pause();
  const before = trial.peek();
  trial.snapshot(trial.source);
  mustBeSame(before, trial.harvest(), "in the log before pages were read, or after it, not both");
}

export async function samplingLeavesLog<C>(trial: Trial<C>): Promise<void> {
  const { source, into, pages: pagesMax } = trial;
  source.enableLogDirty();
  await trial.untilWritten();
  await trial.pause();
  const before = trial.peek();
  for (const evidence of ["references", "last-use", "future"] as const) {
    const look = { kind: "sample", id: 1, region: "ram", evidence, pagesMax, into } as const;
    const count = trySample(trial, { ...look, windowNs: trial.busyNs });
    if (count === undefined) continue;
    const found = into.count();
    must(count === found, `a sample of ${evidence} tells ${count} pages, and gives ${found}`);
  }
  mustBeSame(
    before,
    trial.harvest(),
    "in the log before a sample was taken, or after it, not both",
  );
}

/** Needs direct writes. */
export async function logsEachWrite<C>(trial: Trial<C>): Promise<void> {
  const { source, pages } = trial;
  await trial.pause();
  source.enableLogDirty();
  const before = trial.snapshot(source);
  const written = [...new Set([0, Math.floor(pages / 2), pages - 1])];
  await trial.pair.write?.(written);
  mustBeSame(written, trial.harvest(), "written or in the harvest, not both");
  const changed = trial.differing(before, trial.snapshot(source));
  mustBeSame(written, changed, "written or read with other contents, not both");
  await trial.pair.write?.(written);
  mustBeSame(written, trial.harvest(), "written again or in the harvest, not both");
}

/** A machine says what it cannot tell; any other error is one. */
function trySample<C>(trial: Trial<C>, command: CommandOf<"sample">): number | undefined {
  try {
    return trial.source.sample(command);
  } catch (error) {
    const isHonest = error instanceof PrecopyError && error.code === "unsupported";
    const message = `a sample of ${command.evidence} throws something else than "unsupported"`;
    must(isHonest, `${message}: ${String(error)}`);
    return undefined;
  }
}
