/** What `serve` tells, as lines for people or as a line of JSON for each event. */
import { formatBytes, formatDuration } from "../../base/units.js";
import type { FaultStalls } from "../../live/shadow/index.js";
import { type Address, formatAddress } from "../../live/transport/address.js";
import type { WarmUp } from "../../live/warm-up.js";
import type { MachineDescription } from "../../migrate/ports.js";
import { plural } from "../../report/text.js";
import type { Session } from "../session.js";
import { printable } from "./serial-text.js";

interface Received {
  readonly name: string;
  readonly bytesReceived: number;
  readonly checkedPages: number;
}

export interface Listening {
  readonly address: Address;
  readonly isTls: boolean;
  readonly hasSecret: boolean;
  readonly memoryBytesMax: number;
}

export class ServeLog {
  constructor(
    private readonly session: Session,
    private readonly json: boolean,
  ) {}

  listening({ address, isTls, hasSecret, memoryBytesMax }: Listening): void {
    const where = formatAddress(address);
    const how = [
      `guests up to ${formatBytes(memoryBytesMax)}`,
      hasSecret ? "with a secret" : "without a secret",
      isTls ? "TLS" : "no TLS",
    ];
    this.tell(
      { event: "listening", address: where, isTls, hasSecret, memoryBytesMax },
      `Listening at ${where}: ${how.join(", ")}.`,
    );
  }

  arriving(guest: MachineDescription, from: string): void {
    const { pages, pageSizeBytes } = guest;
    const name = wordsOf(guest.name);
    const size = `${formatBytes(pages * pageSizeBytes)}, ${plural(pages, "page")}`;
    this.tell(
      { event: "arriving", guest: name, pages, pageSizeBytes, from },
      `${name} is coming: ${size}, by ${from}.`,
    );
  }

  progress({ name, bytesReceived, checkedPages }: Received): void {
    const pages = plural(checkedPages, "page");
    this.session.progress(() => `${name}  ${formatBytes(bytesReceived)}, ${pages} checked`);
  }

  whole({ name, bytesReceived, checkedPages, afterNs }: Received & { afterNs: number }): void {
    const pages = plural(checkedPages, "page");
    this.tell(
      { event: "whole", guest: name, bytesReceived, checkedPages, afterNs },
      `${name} is whole after ${formatDuration(afterNs)}: ${formatBytes(bytesReceived)}, ${pages} ` +
        "equal to their checks.",
    );
  }

  runs(name: string, afterWholeNs: number): void {
    this.tell(
      { event: "runs", guest: name, afterWholeNs },
      `${name} runs here, ${formatDuration(afterWholeNs)} after it was whole (the source knows the downtime).`,
    );
  }

  /** Post-copy: nothing of the guest is absent any more. */
  followed(name: string, stalls: FaultStalls): void {
    const { faults, stallNs, worstStallNs } = stalls;
    const waited =
      faults === 0
        ? "it waited for no page"
        : `it waited ${plural(faults, "time")} for a page, ${formatDuration(stallNs)} in all, ` +
          `${formatDuration(worstStallNs)} at most`;
    this.tell(
      { event: "followed", guest: name, ...stalls },
      `${name} has all its memory here; ${waited}.`,
    );
  }

  warmUp(name: string, { perSecond, steadyPerSec, reachedNs }: WarmUp): void {
    const million = (rate: number) => Math.round(rate / 1e6);
    const first = million(perSecond[0] ?? 0);
    const text =
      reachedNs === undefined
        ? `${name} hardly runs: nothing can be said of its speed.`
        : `${name} was at 90 % of its speed after ${formatDuration(reachedNs)}: ${first} million ` +
          `instructions a second of its turns at first, ${million(steadyPerSec)} later.`;
    this.tell(
      { event: "warm-up", guest: name, reachedNs: reachedNs ?? null, steadyPerSec, perSecond },
      text,
    );
  }

  /** An attempt that ended without the guest running here. */
  gone(name: string, reason: string): void {
    this.tell({ event: "gone", guest: name, reason }, `${name} did not come: ${reason}.`);
  }

  /** Somebody who got no further than the connection. */
  refused(reason: string): void {
    const words = wordsOf(reason);
    this.tell({ event: "refused", reason: words }, `Turned away: ${words}.`);
  }

  saved(name: string, path: string, bytes: number): void {
    this.tell(
      { event: "saved", guest: name, path, bytes },
      `${name} is kept in ${path} (${formatBytes(bytes)}); precopy migrate --guest ${path} goes on.`,
    );
  }

  /** What a guest wrote on its serial port. */
  serial(name: string, text: string): void {
    if (this.json) this.tell({ event: "serial", guest: wordsOf(name), text }, "");
    else this.session.print(printable(text));
  }

  /** A character for the person who types at the guest. */
  raw(character: string): void {
    this.session.print(character);
  }

  private tell(event: object, text: string): void {
    this.session.print(this.json ? `${JSON.stringify(event)}\n` : `${text}\n`);
  }
}

/** Words of the other end, which may hold anything. */
export function wordsOf(text: string): string {
  return printable(text).replaceAll("\n", " ");
}
