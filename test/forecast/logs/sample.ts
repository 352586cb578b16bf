/** The logs in test/fixtures/logs/, and how tests read them. */
import { readFileSync } from "node:fs";
import {
  type LogFormat,
  type ObservedMigration,
  readMigrationLog,
} from "../../../src/forecast/logs/index.js";

export function sample(name: string): string {
  return readFileSync(`test/fixtures/logs/${name}`, "utf8");
}

export function readSample(name: string): ObservedMigration {
  return readMigrationLog(sample(name), { file: name });
}

export function readText(
  text: string,
  options: { lenient?: boolean; format?: LogFormat } = {},
): ObservedMigration {
  return readMigrationLog(text, { file: "some.log", ...options });
}
