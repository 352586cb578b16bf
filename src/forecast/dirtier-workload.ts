/**
 * A guest program that writes pages at a set rate, as recorded runs describe it (`guest.workload`).
 * What a recording leaves out is what the program itself takes then.
 */
import type { RecordedFields } from "./recorded-fields.js";

export interface DirtierWorkload {
  readonly base_mb: number;
  readonly region_pages: number;
  readonly fill: "rand" | "zero" | "text";
  readonly wss: number;
  /** Writes a second; 0: as fast as the CPU goes. */
  readonly rate: number;
  readonly dist: "uniform" | "seq" | "zipf" | "hot";
  readonly content: "inc" | "rand" | "zero" | "delta";
  /** Per cent of the writes that go into the first `hotn` pages. */
  readonly hotp: number;
  readonly hotn: number;
  /** Turns of an empty loop before each write. */
  readonly spin: number;
  /** 0: what it is late with is forgiven. */
  readonly catchup: number;
  /** Words that a write of `delta` changes. */
  readonly dn: number;
}

const REGION_MB = 64;
/** The program itself lies at 1 MB. */
const BASE_MB = { least: 2, usual: 16 };

/** @throws PrecopyError naming the field, also where the region does not fit into the memory. */
export function dirtierWorkload(workload: RecordedFields, memoryPages: number): DirtierWorkload {
  const at = workload.number("base_mb", { least: BASE_MB.least, otherwise: BASE_MB.usual });
  const room = memoryPages - at * 256;
  const regionPages = workload.number("region_pages", { least: 1, otherwise: REGION_MB * 256 });
  if (regionPages > room) {
    throw workload.error("region_pages", `within the ${room} pages behind base_mb`);
  }
  const wss = Math.floor(
    workload.number("wss", { least: 1, most: regionPages, otherwise: regionPages }),
  );
  const hotn = workload.number("hotn", { otherwise: Math.floor(wss / 10) });
  return {
    base_mb: at,
    region_pages: regionPages,
    fill: workload.word("fill", ["rand", "zero", "text"]),
    wss,
    rate: workload.number("rate", { otherwise: 0 }),
    dist: workload.word("dist", ["uniform", "seq", "zipf", "hot"]),
    content: workload.word("content", ["inc", "rand", "zero", "delta"]),
    hotp: workload.number("hotp", { most: 100, otherwise: 90 }),
    hotn: Math.min(wss, Math.max(1, Math.floor(hotn))),
    spin: workload.number("spin", { otherwise: 0 }),
    catchup: workload.number("catchup", { otherwise: 1 }),
    dn: workload.number("dn", { otherwise: 1 }),
  };
}
