/** What tests of the two sessions have a source say. */
import type { PagesMessage, SourceMessage } from "../../src/wire/index.js";
import { GUEST } from "./wire-ends.js";

export const EPOCH = 5;

export function pages(over: Partial<PagesMessage> = {}): PagesMessage {
  const numbers = { pages: Uint32Array.of(1), checks: BigUint64Array.of(0n) };
  const frame = new Uint8Array(10);
  return { kind: "pages", region: "ram", urgent: false, ...numbers, frame, packets: [], ...over };
}

export const prepare = (postCopy = false): SourceMessage => {
  return { kind: "prepare", guest: GUEST, postCopy, codecs: "" };
};
export const STATE: SourceMessage = { kind: "device-state", state: new Uint8Array(1) };
export const FINISH: SourceMessage = { kind: "finish", epoch: EPOCH };
export const GO: SourceMessage = { kind: "go", epoch: EPOCH };
export const ABSENT: SourceMessage = { kind: "absent", region: "ram", runs: Uint32Array.of(0, 64) };
