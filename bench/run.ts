/**
 * npm run bench [-- --only NAME] [--small]
 *
 * Measures everything and writes bench/RESULTS.md. `--only` takes the cases whose group or name
 * contains NAME and prints them, `--small` runs all on small guests to see that they agree; neither
 * touches the file. Plain C needs gcc; packages to compare with need
 * `npm ci --prefix bench/thirdparty`.
 */
import { writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { BenchContext } from "./context.js";
import { FULL, runCase, SMALL } from "./harness.js";
import { kernelCases } from "./kernels.js";
import { Native } from "./native.js";
import { loadPeers } from "./peers.js";
import { digestOf, markdown, type Run, summaryLine } from "./results.js";
import { simulateLargeGuest, simulationCases } from "./simulation.js";

const { values } = parseArgs({
  options: { only: { type: "string" }, small: { type: "boolean", default: false } },
});
const context: BenchContext = {
  native: Native.build(),
  peers: loadPeers(),
  small: values.small,
};
const isWanted = (what: string) => values.only === undefined || what.includes(values.only);
const all = [...kernelCases(context), ...simulationCases(context)];
const wanted = all.filter(({ group, name }) => isWanted(`${group}, ${name}`));
const large = isWanted("large guest");
if (wanted.length === 0 && !large) {
  const groups = [...new Set(all.map(({ group }) => group)), "large guest"];
  console.error(`no case contains "${values.only}"; the groups are: ${groups.join(", ")}`);
  process.exit(1);
}

const startedAt = new Date();
const loadAtStart = loadavg()[0] as number;
const cases = [];
for (const benchCase of wanted) {
  const result = await runCase(benchCase, context.small ? SMALL : FULL);
  console.log(summaryLine(result));
  cases.push(result);
}
const largeGuest = large ? await simulateLargeGuest(context) : undefined;
if (largeGuest !== undefined) console.log("large guest:", largeGuest);
const run: Run = {
  context,
  command: ["npm run bench", ...process.argv.slice(2)].join(" "),
  startedAt,
  load: [loadAtStart, loadavg()[0] as number],
  seconds: (Date.now() - startedAt.getTime()) / 1000,
  cases,
  largeGuest,
};
console.log(`digest of all outputs: ${digestOf(run)}`);
if (values.only === undefined && !context.small) {
  writeFileSync(fileURLToPath(new URL("RESULTS.md", import.meta.url)), markdown(run));
}
