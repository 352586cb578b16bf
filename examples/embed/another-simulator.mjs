/**
 * Another simulator owns the clock: here one of a web service that gets a request every
 * millisecond. It asks the migration when it wants to be woken next (`nextEventNs`) and takes it
 * along (`advanceTo`), so that both live in one virtual time, and each request can ask where the
 * guest's migration stands.
 *
 *     node examples/embed/another-simulator.mjs
 */
import { formatDuration, NS_PER_MS, Simulation } from "precopy";
import { spec } from "./spec.mjs";

/** The guest's stages in which nobody answers. */
const SILENT = ["stop-and-copy", "commitment", "activation"];

const simulation = await Simulation.create(spec);
const requests = { served: 0, waited: 0 };

for (let requestNs = 0; !simulation.ended; ) {
  const nowNs = Math.min(requestNs, simulation.nextEventNs());
  simulation.advanceTo(nowNs);
  if (nowNs === requestNs) {
    const state = simulation.progress()[0]?.state ?? "idle";
    if (SILENT.includes(state)) requests.waited++;
    else requests.served++;
    requestNs += NS_PER_MS;
  }
}

const { eventLogHash, migrations } = simulation.result();
simulation.dispose();
const [{ totalNs, downtimeNs }] = migrations;
console.log(`migration ${formatDuration(totalNs)}, of it downtime ${formatDuration(downtimeNs)}`);
console.log(`${requests.served} requests were served, ${requests.waited} had to wait`);
console.log(`events ${eventLogHash}`);
