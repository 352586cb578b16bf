/**
 * The conformance kit: what every implementation of the ports (migrate/ports.ts) has to keep, for
 * whoever brings a machine of their own. Each promise is checked on machines opened for it alone.
 *
 *     for (const { name, run } of portsConformance(harness)) it(name, run);
 */
import * as move from "./hand-over-checks.js";
import type { PortsCheck, PortsHarness } from "./harness.js";
import * as log from "./log-checks.js";
import * as memory from "./memory-checks.js";
import * as time from "./time-checks.js";
import { Trial } from "./trial.js";

type Check = readonly [name: string, run: <C>(trial: Trial<C>) => Promise<void>];

const ALWAYS: readonly Check[] = [
  ["describes itself the same at any time", time.describesItselfTheSame],
  ["starts the log clean each time that it is turned on", log.startsClean],
  ["has every page that changed in the log", log.holdsWhatChanged],
  ["clears the log by a harvest", log.harvestClears],
  ["logs on after a harvest", log.harvestRearms],
  ["shows by a peek what the next harvest gives, and clears nothing", log.peekClearsNothing],
  ["logs a page that is written after it was read", log.logsAfterRead],
  ["leaves the log alone when pages are read", log.readingLeavesLog],
  ["leaves the log alone when a sample is taken", log.samplingLeavesLog],
  ["reads the same in any order and any batch", memory.readsAnyOrder],
  ["shows at the target what was written there", memory.writesLand],
  ["changes no other page when one is written", memory.writesNoOther],
  ["refuses page numbers past the end", memory.refusesBeyondEnd],
  ["takes empty lists", memory.takesEmptyLists],
  ["refuses a region that it has not got", memory.refusesOtherRegions],
  ["changes nothing while it is paused", time.pausedStandsStill],
  ["logs nothing while it is paused", time.pausedLogsNothing],
  ["tells virtual time that grows while it runs, and only then", time.virtualTimeGrows],
  ["runs on under the hardest brake", time.brakeStopsNothing],
  ["is equal at the target after a move by its log", move.moveMakesEqual],
  ["gives and takes device state any number of times", move.deviceStateRepeats],
  ["goes on at the target, and not before it is told", move.goesOnAtTarget],
  ["can be moved, to the same target, after moves were given up", move.canBeGivenUp],
  ["runs at the source no more once it was released", move.releasedIsGone],
];

/** Every promise that the harness can show, in the order in which they are best mended. */
export function portsConformance<C>(harness: PortsHarness<C>): readonly PortsCheck[] {
  const { oneSize } = harness;
  const promises: Check[] = [...ALWAYS];
  promises.push([
    "refuses a guest that does not fit, and keeps nothing for it",
    (trial) => move.refusesWhatDoesNotFit(trial, oneSize),
  ]);
  if (harness.directWrites) {
    promises.push(["has each write in the next harvest, once", log.logsEachWrite]);
  }
  if (harness.steadyTime) {
    promises.push(["runs slower under a brake, and as before without", time.brakeSlows]);
  }
  return promises.map(([name, run]) => ({ name, run: () => runOn(harness, run) }));
}

async function runOn<C>(
  harness: PortsHarness<C>,
  run: (trial: Trial<C>) => Promise<void>,
): Promise<void> {
  const pair = await harness.open();
  try {
    await run(new Trial(pair, harness.busyNs));
  } finally {
    await pair.close();
  }
}
