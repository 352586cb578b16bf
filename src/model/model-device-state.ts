/**
 * What stands for the state of a modelled guest's CPUs and devices: bytes drawn from its name and
 * from how far it has run, so that the state of another guest or of another instant is not its own.
 * In a simulation only their number counts; drivers that carry real bytes find some here.
 */
import { PrecopyError } from "../base/errors.js";
import { RunningHash } from "../base/hash.js";
import { Random } from "../base/random.js";
import type { ModelGuest } from "./model-guest.js";

export function deviceStateOf(guest: ModelGuest): Uint8Array {
  const { name, deviceStateBytes } = guest.describe();
  const words = new DataView(new ArrayBuffer(4 * Math.ceil(deviceStateBytes / 4)));
  const random = new Random(guest.virtualNs()).fork(hashOf(name));
  for (let at = 0; at < words.byteLength; at += 4) words.setUint32(at, random.next(), true);
  return new Uint8Array(words.buffer, 0, deviceStateBytes);
}

/** @throws PrecopyError `bad-input` unless this is the state of the guest as it stands. */
export function checkDeviceState(guest: ModelGuest, state: Uint8Array): void {
  const own = deviceStateOf(guest);
  const { name } = guest.describe();
  if (state.length !== own.length) {
    const message = `device state of ${name} has ${state.length} bytes instead of ${own.length}`;
    throw new PrecopyError("bad-input", `${message}: send what the source gave`);
  }
  const wrong = own.findIndex((byte, i) => byte !== state[i]);
  if (wrong < 0) return;
  const message = `device state of ${name} differs at byte ${wrong} from what it stands in`;
  throw new PrecopyError("bad-input", `${message}: read it again from the paused source`);
}

function hashOf(name: string): number {
  const hash = new RunningHash();
  hash.addText(name);
  return Number.parseInt(hash.digest().slice(0, 8), 16);
}
