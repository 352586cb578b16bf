/** What the ports promise of time: a paused guest stands still, and a brake slows one that runs. */
import { NO_BRAKE } from "../../policy/throttle.js";
import { must, named, type Trial } from "./trial.js";

const BRAKE = { ...NO_BRAKE, cpuShare: 0.1 };
const LOOKS = 8;

export async function pausedStandsStill<C>(trial: Trial<C>): Promise<void> {
  const { source } = trial;
  source.enableLogDirty();
  await trial.untilWritten();
  await trial.pause();
  trial.harvest();
  const before = trial.snapshot(source);
  await trial.pass(2);
  const changed = trial.differing(before, trial.snapshot(source));
  must(changed.length === 0, `changed while the guest was paused: ${named(changed)}`);
  await trial.resume();
  await trial.untilWritten();
}

export async function pausedLogsNothing<C>(trial: Trial<C>): Promise<void> {
  trial.source.enableLogDirty();
  await trial.untilWritten();
  await trial.pause();
  trial.harvest();
  await trial.pass(2);
  const logged = trial.harvest();
  must(logged.length === 0, `logged while the guest was paused: ${named(logged)}`);
}

export async function virtualTimeGrows<C>(trial: Trial<C>): Promise<void> {
  const { source } = trial;
  let lastNs = source.virtualNs();
  const look = () => {
    const nowNs = source.virtualNs();
    must(nowNs >= lastNs, `virtual time went back from ${lastNs} to ${nowNs} ns`);
    const passedNs = nowNs - lastNs;
    lastNs = nowNs;
    return passedNs;
  };
  source.enableLogDirty();
  for (let i = 0; i < LOOKS; i++) {
    await trial.until(() => look() > 0, "virtual time does not grow while the guest runs");
    trial.harvest();
    look();
  }
  await trial.pause();
  look();
  await trial.pass(2);
  const passedNs = look();
  must(passedNs === 0, `virtual time grew by ${passedNs} ns while the guest was paused`);
  await trial.resume();
  look();
  await trial.until(() => look() > 0, "virtual time does not grow after the guest was resumed");
}

/** Generous: a tenth of the CPU is taken for kept when less than 0.6 of the time passes. */
export async function brakeSlows<C>(trial: Trial<C>): Promise<void> {
  const { source } = trial;
  source.enableLogDirty();
  await trial.untilWritten();
  const ranNs = async () => {
    const fromNs = source.virtualNs();
    await trial.pass(LOOKS);
    return source.virtualNs() - fromNs;
  };
  const freeNs = await ranNs();
  source.setBrake(BRAKE);
  const slowedNs = await ranNs();
  source.setBrake(NO_BRAKE);
  const againNs = await ranNs();
  must(slowedNs < 0.6 * freeNs, `a CPU share of 0.1 lets ${slowedNs} of ${freeNs} ns pass`);
  must(againNs > 1.5 * slowedNs, `no brake lets ${againNs} ns pass, a share of 0.1 ${slowedNs}`);
}

/** A guest that is held back as far as possible still comes on: throttled is not paused. */
export async function brakeStopsNothing<C>(trial: Trial<C>): Promise<void> {
  const { source } = trial;
  source.enableLogDirty();
  source.setBrake({ ...NO_BRAKE, cpuShare: 0.01 });
  const fromNs = source.virtualNs();
  const ran = () => source.virtualNs() > fromNs;
  await trial.until(ran, "a guest with a CPU share of 0.01 does not run at all");
  source.setBrake(NO_BRAKE);
  await trial.untilWritten();
}

/** The size of the device state is told as far as it is known, and may be told better later. */
export async function describesItselfTheSame<C>(trial: Trial<C>): Promise<void> {
  const { source } = trial;
  const told = () => JSON.stringify({ ...source.describe(), deviceStateBytes: undefined });
  const first = told();
  const same = (when: string) => {
    const now = told();
    must(now === first, `the source describes itself ${when} as ${now}, before as ${first}`);
  };
  source.enableLogDirty();
  await trial.untilWritten();
  same("while it is watched");
  await trial.pause();
  same("while it is paused");
  await trial.source.deviceState();
  await trial.resume();
  source.disableLogDirty();
  await trial.pass();
  same("after it was resumed");
}
