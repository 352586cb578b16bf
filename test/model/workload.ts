/**
 * The twin of the workload kernels: the same accesses from the same seed, one at a time, with the
 * generator of src/base/random.ts. The order of draws is the one that assembly/workload.ts states.
 */
import { power } from "../../src/base/math.js";
import { mix32, Random } from "../../src/base/random.js";
import type { WorkloadSpec } from "../../src/kernels/index.js";

export interface Access {
  readonly page: number;
  readonly write: boolean;
}

export class WorkloadModel {
  private readonly random: Random;
  private readonly columns: AliasColumn[];
  private cursor = 0;

  constructor(
    private readonly spec: WorkloadSpec,
    seed: number,
  ) {
    this.random = new Random(seed);
    this.columns = spec.kind === "zipf" ? zipfColumns(spec.pages, spec.exponent, mix32(seed)) : [];
  }

  next(): Access {
    const page = this.spec.firstPage + this.offset();
    const writeFraction = this.spec.writeFraction ?? 1;
    if (writeFraction === 0 || writeFraction === 1) return { page, write: writeFraction === 1 };
    return { page, write: this.random.next() < Math.floor(writeFraction * 2 ** 32) };
  }

  private offset(): number {
    const { spec, random } = this;
    switch (spec.kind) {
      case "uniform":
        return random.below(spec.pages);
      case "zipf": {
        const at = random.below(spec.pages);
        const column = this.columns[at]!;
        return random.next() < column.threshold ? at : column.alias;
      }
      case "hot-cold": {
        const share = spec.hotPages === spec.pages ? 1 : spec.hotFraction;
        if (random.next() < Math.floor(share * 2 ** 32)) return random.below(spec.hotPages);
        return spec.hotPages + random.below(spec.pages - spec.hotPages);
      }
      case "sequential": {
        const offset = this.cursor;
        this.cursor = (this.cursor + 1) % spec.pages;
        return offset;
      }
    }
  }
}

export interface AliasColumn {
  threshold: number;
  alias: number;
}

/** Walker's table by pages: over- and underfull ranks paired from the first of each on. */
export function zipfColumns(pages: number, exponent: number, seed: number): AliasColumn[] {
  let sum = 0;
  for (let rank = 1; rank <= pages; rank++) sum += power(rank, -exponent);
  const scale = pages / sum;
  const full = Array.from({ length: pages }, (_, i) => power(i + 1, -exponent) * scale);
  const firstUnder = Math.max(1, full.filter((weight) => weight >= 1).length);
  const columns: AliasColumn[] = Array(pages);
  const place = (rank: number, weight: number, alias: number): void => {
    const page = scatter(rank, pages, seed);
    columns[page] =
      weight >= 1
        ? { threshold: 0xffffffff, alias: page }
        : { threshold: Math.floor(weight * 2 ** 32), alias: scatter(alias, pages, seed) };
  };
  let over = 0;
  let rest = full[0]!;
  for (let under = firstUnder; under < pages; under++) {
    place(under, full[under]!, over);
    rest -= 1 - full[under]!;
    while (rest < 1 && over + 1 < firstUnder) {
      place(over, rest, over + 1);
      over++;
      rest = full[over]! - (1 - rest);
    }
  }
  for (; over < firstUnder; over++) place(over, 1, over);
  return columns;
}

/** The page of a rank (from 0): rounds on the next power of two until the value is inside. */
export function scatter(index: number, pages: number, seed: number): number {
  const order = pages > 1 ? 32 - Math.clz32(pages - 1) : 0;
  if (order === 0) return 0;
  const mask = 2 ** order - 1;
  const half = (order + 1) >> 1;
  const round = (x: number, factor: number, addend: number): number => {
    const y = ((Math.imul(x, factor) + addend) & mask) >>> 0;
    return y ^ (y >>> half);
  };
  let x = index;
  do {
    x = round(x, 0x9e3779b1, seed);
    x = round(x, 0x85ebca77, seed ^ 0x27d4eb2f);
    x = round(x, 0xc2b2ae3d, (seed << 16) | (seed >>> 16));
  } while (x >= pages);
  return x;
}
