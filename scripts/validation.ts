/**
 * Writes what the commands of docs/VALIDATION.md print into the blocks behind them.
 *
 *     npm run results:validation
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

const DOC = "docs/VALIDATION.md";
/** A block of console output: the command, and all up to the end of the block. */
const BLOCK = /(```console\n\$ precopy ([^\n]+)\n)[^`]*(```)/g;

function printed(command: string): string {
  const args = ["--import", "tsx", "src/cli/main.ts", ...command.split(" ")];
  const { stdout, status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  // 3: a bound is missed, which the output tells.
  if (status === 0 || status === 3) return stdout;
  throw new Error(`precopy ${command} ended with ${status}: ${stderr}`);
}

const text = readFileSync(DOC, "utf8");
writeFileSync(
  DOC,
  text.replaceAll(BLOCK, (_, head: string, command: string, end: string) => {
    return `${head}${printed(command)}${end}`;
  }),
);
