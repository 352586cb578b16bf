/**
 * A guest that writes pages, in plain TypeScript: draws by the generator of src/base/random.ts, one
 * access at a time; dirty bit, count of first writes, version.
 */
import { Random } from "../../src/base/random.js";

/** Where an access goes. */
export type Draw = (random: Random) => number;

export class PlainGuest {
  readonly dirty: Uint32Array;
  readonly versions: Uint32Array;
  fresh = 0;

  constructor(pages: number) {
    this.dirty = new Uint32Array(pages / 32);
    this.versions = new Uint32Array(pages);
  }

  empty(): void {
    this.dirty.fill(0);
    this.versions.fill(0);
    this.fresh = 0;
  }

  run(seed: number, accesses: number, draw: Draw): void {
    const { dirty, versions } = this;
    const random = new Random(seed);
    let fresh = 0;
    for (let i = 0; i < accesses; i++) {
      const page = draw(random);
      const word = dirty[page >> 5] as number;
      fresh += (~word >>> (page & 31)) & 1;
      dirty[page >> 5] = word | (1 << (page & 31));
      versions[page] = (versions[page] as number) + 1;
    }
    this.fresh = fresh;
  }
}

export function drawUniform(pages: number): Draw {
  return (random) => random.below(pages);
}

/** By the alias table {threshold, alias} of the kernels. */
export function drawZipf(pages: number, table: Uint32Array): Draw {
  return (random) => {
    const column = random.below(pages);
    const isOwn = random.next() < (table[2 * column] as number);
    return isOwn ? column : (table[2 * column + 1] as number);
  };
}

export function drawHotCold(pages: number, hotPages: number, hotThreshold: number): Draw {
  return (random) =>
    random.next() < hotThreshold
      ? random.below(hotPages)
      : hotPages + random.below(pages - hotPages);
}
