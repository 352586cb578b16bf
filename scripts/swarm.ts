/**
 * Runs random migrations (test/support/swarm.ts) one seed after the other, and tells each failure
 * with what repeats it.
 *
 *     npm run test:swarm                       2,000 of them
 *     npm run test:swarm -- 10000 77001        10,000, from seed 77001 on
 *     npm run test:swarm -- 50 1 seed@xen      50 of one name
 */
import { Registry } from "../src/migrate/registry.js";
import { runTwice, swarmCase, techniquesOf } from "../test/support/swarm.js";

const RUNS_DEFAULT = 2000;
const FAILURES_MAX = 20;

const [runs = RUNS_DEFAULT, first = 1] = process.argv.slice(2, 4).map(Number);
const name = process.argv[4];
const techniques = techniquesOf(Registry.standard());
const outcomes = new Map<string, number>();
let failures = 0;
for (let seed = first; seed < first + runs && failures < FAILURES_MAX; seed++) {
  const drawn = swarmCase(seed, techniques, name);
  let ends: readonly string[];
  try {
    ends = await runTwice(drawn);
  } catch (error) {
    ends = ["failed"];
    failures++;
    console.error(`seed ${seed}, ${drawn.name}: ${(error as Error).message}`);
    console.error(`  repeat with: npm run test:swarm -- 1 ${seed}`);
    if (runs === 1) console.error(error, JSON.stringify(drawn, undefined, 1));
  }
  for (const end of ends) outcomes.set(end, (outcomes.get(end) ?? 0) + 1);
}
console.log([...outcomes].map(([outcome, count]) => `${outcome} ${count}`).join(", "));
process.exitCode = failures === 0 ? 0 : 1;
