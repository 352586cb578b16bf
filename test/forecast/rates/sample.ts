/** The files in test/fixtures/rates/, and how tests read them. */
import { readdirSync, readFileSync } from "node:fs";
import {
  type DirtyRates,
  type ReadRatesOptions,
  readDirtyRates,
} from "../../../src/forecast/rates/index.js";

export const SAMPLES = readdirSync("test/fixtures/rates").filter((name) => !name.endsWith(".md"));

export const MIB = 2 ** 20;

export function sample(name: string): string {
  return readFileSync(`test/fixtures/rates/${name}`, "utf8");
}

export function readSample(name: string, options: Partial<ReadRatesOptions> = {}): DirtyRates {
  return readDirtyRates(sample(name), { file: name, ...options });
}

export function readText(text: string, options: Partial<ReadRatesOptions> = {}): DirtyRates {
  return readDirtyRates(text, { file: "some.txt", ...options });
}
