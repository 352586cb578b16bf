/**
 * The child process that simulates one large guest (pages: the first argument) and reports what it
 * took, its peak resident memory included: that of Node, of the compiler that runs this file, and
 * of the simulation together.
 */
import { Simulation } from "../src/model/simulation.js";
import { type LargeGuestResult, zipfWriter } from "./simulation.js";

const pages = Number(process.argv[2]);
const startedMs = performance.now();
const simulation = await Simulation.create(zipfWriter(pages));
const createdMs = performance.now();
const { migrations, eventLogHash } = await simulation.run();
const endedMs = performance.now();
const [migration] = migrations;
if (migration?.outcome !== "target-runs") throw new Error(`it came to ${migration?.outcome}`);
const result: LargeGuestResult = {
  pages,
  rounds: migration.rounds.length,
  pagesSent: simulation.progress()[0]?.pagesSent ?? 0,
  virtualSec: migration.totalNs / 1e9,
  createSec: (createdMs - startedMs) / 1000,
  runSec: (endedMs - createdMs) / 1000,
  // Kibibytes on every platform that Node knows.
  peakResidentBytes: process.resourceUsage().maxRSS * 1024,
  eventLogHash,
};
process.send?.(result);
process.disconnect?.();
