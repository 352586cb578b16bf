/** What the ports promise of a move: the target becomes the guest, and only one of them runs. */
import type { MachineDescription } from "../ports.js";
import { must, mustRefuse, named, type Trial } from "./trial.js";

const ROUNDS = 3;
/** So often a target is refused or given up: what leaks a guest's memory each time runs out. */
const REPEATS = 3;

export async function moveMakesEqual<C>(trial: Trial<C>): Promise<void> {
  await trial.prepare();
  await moveUntilPaused(trial);
  await mustBeEqual(trial);
}

export async function deviceStateRepeats<C>(trial: Trial<C>): Promise<void> {
  const { source, target } = trial;
  await trial.prepare();
  await moveUntilPaused(trial);
  const before = await trial.pair.progress("source");
  const first = (await source.deviceState()).slice();
  const second = (await source.deviceState()).slice();
  const sizes = `${first.length} and ${second.length} bytes`;
  must(first.length === second.length, `device state of one paused guest is ${sizes}`);
  await target.loadDeviceState(first);
  await target.loadDeviceState(second);
  await mustBeEqual(trial);
  await target.run();
  const goesOn = async () => (await trial.pair.progress("target")) > before;
  await trial.until(goesOn, "with its state loaded twice the guest does not go on at the target");
}

export async function refusesWhatDoesNotFit<C>(trial: Trial<C>, oneSize: boolean): Promise<void> {
  const guest = trial.source.describe();
  const others: readonly Partial<MachineDescription>[] = [
    { kind: `${guest.kind}-not` },
    { version: `${guest.version}-not` },
    { devices: `${guest.devices}-not` },
    ...(oneSize ? [{ pages: 2 * guest.pages }, { pages: guest.pages - 1 }] : []),
  ];
  for (let i = 0; i < REPEATS; i++) {
    for (const other of others) {
      const reason = await trial.target.prepare({ ...guest, ...other });
      const what = JSON.stringify(other);
      must(reason !== undefined, `a target takes a guest that is ${what} from what it is`);
      must(reason.length > 0, `a target refuses ${what} without a reason`);
    }
  }
  // Reserves still, though it has refused: a second guest would find no room.
  await trial.prepare();
}

export async function goesOnAtTarget<C>(trial: Trial<C>): Promise<void> {
  const { source, target, pair } = trial;
  await trial.prepare();
  await moveUntilPaused(trial);
  await target.loadDeviceState(await source.deviceState());
  const left = await pair.progress("source");
  const loaded = await pair.progress("target");
  await trial.pass(2);
  const early = await pair.progress("target");
  must(early === loaded, `the guest runs at the target before it is told: ${loaded} to ${early}`);
  await mustBeEqual(trial);
  await target.run();
  const goesOn = async () => (await pair.progress("target")) > left;
  await trial.until(goesOn, `the guest does not get past its progress at the source, ${left}`);
}

export async function canBeGivenUp<C>(trial: Trial<C>): Promise<void> {
  const { source, target, pair } = trial;
  for (let i = 0; i < REPEATS; i++) {
    await trial.prepare();
    await moveUntilPaused(trial);
    await target.abort();
    source.disableLogDirty();
    const before = source.virtualNs();
    await trial.resume();
    const goesOn = () => source.virtualNs() > before;
    await trial.until(goesOn, "the guest does not go on at the source after a move was given up");
  }
  await trial.prepare();
  await moveUntilPaused(trial);
  await mustBeEqual(trial);
  await target.loadDeviceState(await source.deviceState());
  const left = await pair.progress("source");
  await target.run();
  const goesOn = async () => (await pair.progress("target")) > left;
  await trial.until(goesOn, "the guest does not go on at a target that gave up moves before");
}

export async function releasedIsGone<C>(trial: Trial<C>): Promise<void> {
  const { source, target, pair } = trial;
  await trial.prepare();
  await moveUntilPaused(trial);
  await target.loadDeviceState(await source.deviceState());
  const left = await pair.progress("source");
  await target.run();
  await source.release();
  await mustRefuse("resuming a guest that was released", () => source.resume());
  const goesOn = async () => (await pair.progress("target")) > left;
  await trial.until(goesOn, "the guest does not go on at the target after the source released it");
}

/** Pre-copy by the dirty log alone, as Clark et al. describe it, with a fixed number of rounds. */
async function moveUntilPaused<C>(trial: Trial<C>): Promise<void> {
  const { source } = trial;
  source.enableLogDirty();
  trial.copy(trial.all());
  for (let round = 0; round < ROUNDS; round++) {
    await trial.untilWritten();
    trial.copy(trial.harvest());
  }
  await trial.untilWritten();
  await trial.pause();
  trial.copy(trial.harvest());
}

async function mustBeEqual<C>(trial: Trial<C>): Promise<void> {
  const { source, target } = trial;
  const differing = trial.differing(trial.snapshot(source), trial.snapshot(target));
  must(differing.length === 0, `the target differs from the paused source: ${named(differing)}`);
}
