/**
 * Control calls: typed, infrequent, with strings and typed arrays, bound by as-bind. Page data
 * never passes through here. These are the only functions that allocate managed objects; the heap
 * they live in is apart from the arena and is given its slack when the module is loaded.
 *
 *   ┌──────────────┬───────────────────────────┬────────────────────────────────────┐
 *   │ static data  │ managed heap (this file)  │ arena (every other kernel)         │
 *   └──────────────┴───────────────────────────┴────────────────────────────────────┘
 *   0              __heap_base                 memory.grow, once
 */

import { binIntervals } from "./wsclock-measure";

const VERSION: string = "0.1.0";
const PAGE_SIZE_BYTES: i32 = 4096;
/** The kinds of workload; the index is the code in a workload's header. */
const KINDS: string[] = ["uniform", "zipf", "hot-cold", "sequential"];

const BATCH_ACCESSES_MAX: i32 = 65536;

/** What this module is, as JSON. */
export function describe(): string {
  return (
    '{"version":"' +
    VERSION +
    '","simd":' +
    (ASC_FEATURE_SIMD ? "true" : "false") +
    ',"pageSizeBytes":' +
    PAGE_SIZE_BYTES.toString() +
    ',"batchAccessesMax":' +
    BATCH_ACCESSES_MAX.toString() +
    "}"
  );
}

/** Sets the fields of a workload (workload.ts) that do not change; false for an unknown kind. */
export function configureWorkload(
  workload: u32,
  kind: string,
  firstPage: u32,
  pages: u32,
  hotPages: u32,
  hotFraction: f64,
  writeFraction: f64,
): bool {
  const code = KINDS.indexOf(kind);
  if (code < 0) return false;
  const header = <usize>workload;
  store<u32>(header, <u32>code, 20);
  store<u32>(header, firstPage, 24);
  store<u32>(header, pages, 28);
  store<u32>(header, hotPages, 32);
  store<u32>(header, u32(writeFraction > 0 && writeFraction < 1), 36);
  store<u64>(header, u64(hotFraction * 4294967296.0), 40);
  store<u64>(header, u64(writeFraction * 4294967296.0), 48);
  store<u32>(header, 64, 56);
  return true;
}

/** The re-use intervals that a WSClock ring has seen, in `bins` bins of `binTicks`. */
export function wsclockIntervals(ring: u32, binTicks: u32, bins: u32): Uint32Array {
  return binIntervals(<usize>ring, binTicks, bins);
}
