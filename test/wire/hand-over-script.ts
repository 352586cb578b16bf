/** What a source does in its turn, and what it says at each of these steps. */
import type { SourceMessage } from "../../src/wire/index.js";
import { GUEST } from "./wire-ends.js";

export function scriptOf(postCopy: boolean): readonly string[] {
  const rest = postCopy ? ["pages", "finish-residual", "await all-received"] : [];
  const image = ["pause", ...(postCopy ? ["absent"] : []), "device-state", "finish"];
  return [
    ...["prepare", "await prepared", "pages", ...image, "await image-complete"],
    ...["commit", "go", "await running", ...rest, "await announced", "bye"],
  ];
}

export function messageOf(
  step: string,
  epoch: number,
  postCopy: boolean,
): SourceMessage | undefined {
  switch (step) {
    case "prepare":
      return { kind: step, guest: GUEST, postCopy, codecs: "" };
    case "pages":
      return {
        kind: step,
        region: "ram",
        urgent: false,
        pages: Uint32Array.of(1),
        checks: BigUint64Array.of(1n),
        frame: new Uint8Array(8),
        packets: [],
      };
    case "absent":
      return { kind: step, region: "ram", runs: Uint32Array.of(4, 2) };
    case "device-state":
      return { kind: step, state: new Uint8Array(1) };
    case "finish":
    case "go":
      return { kind: step, epoch };
    case "finish-residual":
    case "bye":
      return { kind: step };
    default:
      return undefined;
  }
}
