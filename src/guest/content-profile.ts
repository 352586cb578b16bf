/**
 * What a guest's pages hold, without bytes: for every page and version a seeded answer whether it
 * is zero, what it equals, how far it compresses and how large the XBZRLE delta between two versions
 * is. The shares and quantiles are those of a {@link ContentProfileSpec}, measured on real guests
 * (content-profiles.ts).
 *
 * How the statistics become answers [derived]: a page draws its place in a distribution from a hash
 * of the seed, its number and (for deltas) the version reached; between measured quantiles the
 * distribution is bent so that its mean is the measured one. Version 0 is the guest at the start;
 * pages written since are zero rarely, equal no other page, and compress as they did. A delta between
 * two versions takes the row of the age at which pages of real guests had been written as often.
 * Pages whose writes repeat what is there ("silent" stores) stay as they were.
 */
import { assert } from "../base/assert.js";
import { mix32 } from "../base/random.js";
import { decodeRuns } from "./importers/run-lengths.js";
import { PageList } from "./trace-pages.js";

/** Bytes at cumulative shares of the pages: [share in (0, 1), bytes], both ascending. */
export type Quantiles = readonly (readonly [share: number, bytes: number])[];

/** XBZRLE deltas of pages that differ after some time; an overflow counts as a page. */
export interface DeltaSpec {
  readonly ageMs: number;
  /** How often a page written in such a time was written, on average: versions apart. */
  readonly versions: number;
  /** Of the pages that changed: the delta would be longer than a page. */
  readonly overflowShare: number;
  readonly meanBytes: number;
  readonly quantiles: Quantiles;
}

/** Zero pages of a memory at the start; a larger memory repeats it. */
export interface ZeroMap {
  readonly pages: number;
  /** Base64 of LEB128 run lengths not zero, zero, not zero, … from page 0, as in traces. */
  readonly runs: string;
}

export interface ContentProfileSpec {
  readonly name: string;
  /** Where the figures come from. */
  readonly source: string;
  /** Of all pages at the start. */
  readonly zeroShare: number;
  /** Which they are; if left out, any, by the seed: what a guest writes is rarely zero before. */
  readonly zeroMap?: ZeroMap;
  /** Of the pages that are not zero at the start. */
  readonly duplicates: {
    /** Copies beyond the first of each content. */
    readonly share: number;
    /** Pages of the largest group of equal ones. */
    readonly largestShare: number;
    /** Mean pages of the other groups. */
    readonly groupPages: number;
  };
  /** Raw deflate of one page, level 1, cut at 4096; a level above 3 is scaled to its mean. */
  readonly deflate: {
    readonly level1Mean: number;
    readonly level6Mean: number;
    readonly level1: Quantiles;
  };
  /** Bytes of zstd level 3 over bytes of deflate level 6. */
  readonly zstdOverDeflate: number;
  /** By age, ascending; empty: nothing is known, and every delta overflows. */
  readonly deltas: readonly DeltaSpec[];
  /** Of the pages that are written: those that keep their content all the same. */
  readonly silentShare: number;
  /** Of the pages that changed: those that are zero now. */
  readonly becameZeroShare: number;
}

/** {@link ContentProfile.deltaBytes} of pages whose delta does not fit a page. */
export const DELTA_OVERFLOW = 4097;

const PAGE_BYTES = 4096;
const TABLE_BITS = 12;
const TABLE_SIZE = 2 ** TABLE_BITS;
/** Groups of equal pages lie within blocks of so many, so that no size has to be known. */
const BLOCK_PAGES = 1024;
/** An empty page compresses to about this. */
const DEFLATED_BYTES_MIN = 20;
const DELTA_BYTES_MIN = 3;
/** The longest delta that fits wherever its bytes lie. */
const DELTA_BYTES_MAX = 4094;

// What is drawn; each has a stream of its own.
const DRAW_ZERO = 0;
const DRAW_DUPLICATE = 1;
const DRAW_GROUP = 2;
const DRAW_DEFLATE = 3;
const DRAW_SILENT = 4;
const DRAW_BECAME_ZERO = 5;
const DRAW_DELTA = 6;
const DRAW_ROW = 7;
const DRAW_DIGEST_HIGH = 8;
const DRAW_DIGEST_LOW = 9;
const DRAWS = 10;

export class ContentProfile {
  private readonly streams = new Uint32Array(DRAWS);
  private readonly zeroBelow: number;
  private readonly zeroMap: Uint8Array | undefined;
  private readonly largestBelow: number;
  private readonly groupedBelow: number;
  private readonly groupsOfBlock: number;
  private readonly groupsByBlock: Uint16Array;
  private readonly silentBelow: number;
  private readonly becameZeroBelow: number;
  private readonly deflate1: Uint16Array;
  private readonly deflate6: Uint16Array;
  private readonly deltas: readonly Uint16Array[];
  private readonly rowVersions: Float64Array;

  /** The same spec and seed give the same answers; nothing is kept per page. */
  constructor(
    readonly spec: ContentProfileSpec,
    seed: number,
  ) {
    checkSpec(spec);
    const mixed = mix32(seed ^ mix32(Math.floor(seed / 0x1_0000_0000)));
    for (let i = 0; i < DRAWS; i++) this.streams[i] = mix32(mixed + i + 1);
    this.zeroBelow = threshold(spec.zeroShare);
    this.zeroMap = spec.zeroMap && decodeZeroMap(spec.zeroMap, spec);
    const { largestShare, groupedShare, groupsOfBlock } = groupsOf(spec);
    this.largestBelow = threshold(largestShare);
    this.groupedBelow = threshold(largestShare + groupedShare);
    this.groupsOfBlock = groupsOfBlock;
    const blocks = Math.ceil((this.zeroMap?.length ?? 0) / BLOCK_PAGES);
    this.groupsByBlock = Uint16Array.from({ length: blocks }, (_, block) => {
      const zeroOf = this.zeroMap?.subarray(block * BLOCK_PAGES, (block + 1) * BLOCK_PAGES);
      const nonZero = zeroOf?.reduce((sum, isZero) => sum + 1 - isZero, 0) ?? 0;
      return Math.max(1, Math.round((nonZero * groupedShare) / spec.duplicates.groupPages));
    });
    this.silentBelow = threshold(spec.silentShare);
    this.becameZeroBelow = threshold(spec.becameZeroShare);
    const { level1, level1Mean, level6Mean } = spec.deflate;
    this.deflate1 = quantileTable([smallest(level1), ...level1, [1, PAGE_BYTES]], level1Mean);
    this.deflate6 = scaledTable(this.deflate1, level6Mean);
    this.deltas = spec.deltas.map(deltaTable);
    this.rowVersions = Float64Array.from(spec.deltas, ({ versions }) => versions);
  }

  isZero(page: number, version: number): boolean {
    const content = this.contentVersion(page, version);
    if (content === 0) return this.wasZero(page);
    return this.drawAt(page, content, DRAW_BECAME_ZERO) < this.becameZeroBelow;
  }

  /** Two pages with one digest are equal; below 2^53, 0 for zero pages alone. */
  digestOf(page: number, version: number): number {
    if (this.isZero(page, version)) return 0;
    const content = this.contentVersion(page, version);
    const original = content === 0 ? this.originalOf(page) : page;
    const high = this.drawAt(original, content, DRAW_DIGEST_HIGH) >>> 11;
    const low = this.drawAt(original, content, DRAW_DIGEST_LOW);
    return high * 0x1_0000_0000 + Math.max(1, low);
  }

  /** Bytes of raw deflate at this level, at most 4096 (it does not help then). */
  deflatedBytes(page: number, version: number, level: number): number {
    if (this.isZero(page, version)) return DEFLATED_BYTES_MIN;
    const table = level <= 3 ? this.deflate1 : this.deflate6;
    const at = this.draw(this.originalOf(page), DRAW_DEFLATE) >>> (32 - TABLE_BITS);
    return table[at] as number;
  }

  /** Bytes of zstd at its default level, by deflate's and the profile's ratio, at most 4096. */
  zstdBytes(page: number, version: number): number {
    const deflated = this.deflatedBytes(page, version, 6);
    if (deflated >= PAGE_BYTES) return PAGE_BYTES;
    return Math.min(PAGE_BYTES, Math.round(deflated * this.spec.zstdOverDeflate));
  }

  /**
   * Bytes of the XBZRLE delta between two versions: 0 when nothing changed, {@link DELTA_OVERFLOW}
   * when it is longer than a page.
   */
  deltaBytes(page: number, fromVersion: number, toVersion: number): number {
    const from = this.contentVersion(page, fromVersion);
    const to = this.contentVersion(page, toVersion);
    if (from === to) return 0;
    const wasZero = this.isZero(page, fromVersion);
    const isZero = this.isZero(page, toVersion);
    if (wasZero || isZero) return wasZero === isZero ? 0 : DELTA_OVERFLOW;
    const table = this.deltas[this.rowOf(page, to, to - from)];
    if (table === undefined) return DELTA_OVERFLOW;
    return table[this.drawAt(page, to, DRAW_DELTA) >>> (32 - TABLE_BITS)] as number;
  }

  /** Whether the writes of this page leave its content as it is. */
  isSilent(page: number): boolean {
    return this.draw(page, DRAW_SILENT) < this.silentBelow && !this.wasZero(page);
  }

  /** The first page of its group of equal ones at the start, or the page itself. */
  originalOf(page: number): number {
    if (this.groupedBelow === 0 || this.wasZero(page)) return page;
    const draw = this.draw(page, DRAW_DUPLICATE);
    if (draw >= this.groupedBelow) return page;
    // Numbers that no page has: pages are below 2^24.
    if (draw < this.largestBelow) return 0x8000_0000;
    const block = Math.floor(page / BLOCK_PAGES) * BLOCK_PAGES;
    return 0x4000_0000 + block + (this.draw(page, DRAW_GROUP) % this.groupsIn(page));
  }

  /** Groups of the page's block: by how many pages of it are not zero, where that is known. */
  private groupsIn(page: number): number {
    const map = this.zeroMap;
    if (map === undefined) return this.groupsOfBlock;
    const block = Math.floor((page % map.length) / BLOCK_PAGES);
    return this.groupsByBlock[block] as number;
  }

  private wasZero(page: number): boolean {
    const map = this.zeroMap;
    if (map !== undefined) return map[page % map.length] === 1;
    return this.draw(page, DRAW_ZERO) < this.zeroBelow;
  }

  /** The version whose content the page has. */
  private contentVersion(page: number, version: number): number {
    return version !== 0 && this.silentBelow !== 0 && this.isSilent(page) ? 0 : version;
  }

  /** The row of the age that versions so far apart stand for; between two, either by their share. */
  private rowOf(page: number, to: number, apart: number): number {
    // Versions are u32 and wrap.
    const versions = apart < 0 ? apart + 0x1_0000_0000 : apart;
    const rows = this.rowVersions;
    let row = 0;
    while (row + 1 < rows.length && versions >= (rows[row + 1] as number)) row++;
    if (row + 1 >= rows.length || versions <= (rows[row] as number)) return row;
    const low = rows[row] as number;
    const high = rows[row + 1] as number;
    const share = (versions - low) / (high - low);
    return this.drawAt(page, to, DRAW_ROW) < threshold(share) ? row + 1 : row;
  }

  private draw(page: number, stream: number): number {
    return mix32(Math.imul(page + 1, 0x9e3779b1) ^ (this.streams[stream] as number));
  }

  private drawAt(page: number, version: number, stream: number): number {
    return mix32(this.draw(page, stream) ^ Math.imul(version + 1, 0x85ebca6b));
  }
}

/** A share of 2^32. */
function threshold(share: number): number {
  return Math.round(Math.min(1, Math.max(0, share)) * 0x1_0000_0000);
}

/** One byte a page, 1 = zero. */
function decodeZeroMap({ pages, runs }: ZeroMap, spec: ContentProfileSpec): Uint8Array {
  const bytes = Uint8Array.from(atob(runs), (char) => char.charCodeAt(0));
  const list = new PageList();
  const setPages = Math.round(spec.zeroShare * pages);
  decodeRuns(bytes, { file: spec.name, offsetBytes: 0, what: "zero", pages, setPages }, list);
  const map = new Uint8Array(pages);
  for (const page of list.view()) map[page] = 1;
  return map;
}

/**
 * Pages of the small groups, as a share, and groups in a block. A page picks one of G groups by its
 * hash, so sizes vary; with k pages a group on average, a share e^-k of the groups stays empty.
 */
function groupsOf({ duplicates, zeroShare }: ContentProfileSpec) {
  const { share, largestShare, groupPages } = duplicates;
  const copies = Math.max(0, share - largestShare);
  if (copies === 0) return { largestShare, groupedShare: 0, groupsOfBlock: 1 };
  const used = 1 - inverseExponential(groupPages);
  const groupedShare = copies / (1 - used / groupPages);
  const pagesOfBlock = BLOCK_PAGES * (1 - zeroShare) * groupedShare;
  return {
    largestShare,
    groupedShare,
    groupsOfBlock: Math.max(1, Math.round(pagesOfBlock / groupPages)),
  };
}

/** e^-x for small x, by the limit of (1 - x / n)^n with n a power of 2. */
function inverseExponential(x: number): number {
  let result = 1 - x / 2 ** 20;
  for (let i = 0; i < 20; i++) result *= result;
  return result;
}

function deltaTable(delta: DeltaSpec): Uint16Array {
  const fits = Math.round((1 - delta.overflowShare) * TABLE_SIZE);
  const last = delta.quantiles.at(-1)?.[1] ?? 0;
  // Without an overflow the longest delta is not known: 32 times the last quantile [assumed].
  const longest = delta.overflowShare > 0 ? PAGE_BYTES : Math.min(PAGE_BYTES, 32 * last);
  const points: Quantiles = [[0, DELTA_BYTES_MIN], ...delta.quantiles, [1, longest]];
  const table = quantileTable(points, delta.meanBytes);
  for (let i = 0; i < TABLE_SIZE; i++) {
    const bytes = Math.max(DELTA_BYTES_MIN, Math.min(DELTA_BYTES_MAX, table[i] as number));
    table[i] = i < fits ? bytes : DELTA_OVERFLOW;
  }
  return table;
}

/** The lower end: an empty page's size, unless not even a tenth of the pages compresses. */
function smallest(level1: Quantiles): readonly [number, number] {
  const first = level1[0]?.[1] ?? 0;
  return [0, first >= PAGE_BYTES ? PAGE_BYTES : Math.min(first, DEFLATED_BYTES_MIN)];
}

/** The level 6 distribution: level 1 scaled to its mean; what did not compress still does not. */
function scaledTable(table: Uint16Array, mean: number): Uint16Array {
  const incompressible = table.reduce((sum, bytes) => sum + (bytes >= PAGE_BYTES ? bytes : 0), 0);
  const rest = table.reduce((sum, bytes) => sum + bytes, 0) - incompressible;
  const scale = rest === 0 ? 1 : (mean * TABLE_SIZE - incompressible) / rest;
  return table.map((bytes) =>
    bytes >= PAGE_BYTES ? bytes : Math.min(PAGE_BYTES - 1, Math.round(bytes * scale)),
  );
}

/** Bytes at equally spaced shares: through the points, bent between them to meet the mean. */
function quantileTable(points: Quantiles, mean: number): Uint16Array {
  let low = 1 / 64;
  let high = 64;
  for (let step = 0; step < 40; step++) {
    const bend = (low + high) / 2;
    if (meanOf(fillTable(points, bend)) > mean) low = bend;
    else high = bend;
  }
  return fillTable(points, high);
}

function meanOf(table: Uint16Array): number {
  return table.reduce((sum, bytes) => sum + bytes, 0) / table.length;
}

/** `bend` 1 goes straight from point to point; above 1 the curve hangs below that, and the mean. */
function fillTable(points: Quantiles, bend: number): Uint16Array {
  const table = new Uint16Array(TABLE_SIZE);
  let segment = 0;
  for (let i = 0; i < TABLE_SIZE; i++) {
    const share = (i + 0.5) / TABLE_SIZE;
    while (share > (points[segment + 1]?.[0] ?? 1)) segment++;
    const [fromShare, fromBytes] = points[segment] as readonly [number, number];
    const [toShare, toBytes] = points[segment + 1] as readonly [number, number];
    const t = (share - fromShare) / (toShare - fromShare);
    const bent = t / (t + bend * (1 - t));
    table[i] = Math.round(fromBytes + (toBytes - fromBytes) * bent);
  }
  return table;
}

function checkSpec(spec: ContentProfileSpec): void {
  const { duplicates, silentShare, zeroShare, becameZeroShare } = spec;
  const shares = [zeroShare, duplicates.share, duplicates.largestShare, silentShare];
  for (const share of [...shares, becameZeroShare]) {
    assert(share >= 0 && share <= 1, `${spec.name}: a share of ${share} is from 0 to 1`);
  }
  assert(duplicates.groupPages >= 2, `${spec.name}: a group has at least 2 pages`);
  const ascending = (values: readonly number[]) =>
    values.every((value, i) => i === 0 || value >= (values[i - 1] as number));
  for (const list of [spec.deflate.level1, ...spec.deltas.map(({ quantiles }) => quantiles)]) {
    assert(ascending(list.map(([share]) => share)), `${spec.name}: shares ascend`);
    assert(ascending(list.map(([, bytes]) => bytes)), `${spec.name}: bytes ascend`);
  }
  assert(
    ascending(spec.deltas.map(({ versions }) => versions)),
    `${spec.name}: deltas come by ascending versions`,
  );
}
