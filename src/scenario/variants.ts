/** The same experiment with one thing changed: what comparisons and sweeps run. */
import { PrecopyError } from "../base/errors.js";
import type { SimulationSpec } from "../model/spec.js";

/** Every migration by another strategy, `strategy+predictor:params@preset`. */
export function withStrategy(spec: SimulationSpec, name: string): SimulationSpec {
  const migrations = spec.migrations.map((migration) => ({ ...migration, strategy: name }));
  return { ...spec, migrations };
}

/** Another seed: an integer from 0 to 2^32 - 1. */
export function withSeed(spec: SimulationSpec, seed: number): SimulationSpec {
  if (Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32) return { ...spec, seed };
  throw new PrecopyError(
    "bad-input",
    `the seed is ${seed}: it must be a whole number from 0 to ${2 ** 32 - 1}`,
  );
}

/** Every link at another bandwidth, bytes a second on the wire, above 0. */
export function withBandwidth(spec: SimulationSpec, bandwidthBytesPerSec: number): SimulationSpec {
  if (!(bandwidthBytesPerSec > 0 && Number.isFinite(bandwidthBytesPerSec))) {
    throw new PrecopyError(
      "bad-input",
      `the bandwidth is ${bandwidthBytesPerSec} bytes a second: it must be above 0 and finite`,
    );
  }
  const links = spec.links.map((link) => ({ ...link, bandwidthBytesPerSec }));
  return { ...spec, links };
}

/** Every waiting migration admitted by another rule, as in "lt-rt" or "at-once:2". */
export function withAdmission(spec: SimulationSpec, admission: string): SimulationSpec {
  return { ...spec, admission };
}
