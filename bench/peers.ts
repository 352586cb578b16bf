/**
 * Packages from npm that do a part of what the kernels do. They are no dependency of anything but
 * this comparison: bench/thirdparty has its own lock file, and what is not installed is left out.
 *
 *     npm ci --prefix bench/thirdparty
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("./thirdparty/package.json", import.meta.url));

/** What is used of typedfastbitset. */
export interface FastBitSet {
  readonly words: Uint32Array;
  size(): number;
  array(): number[];
  new_union(other: FastBitSet): FastBitSet;
  new_intersection(other: FastBitSet): FastBitSet;
  new_difference(other: FastBitSet): FastBitSet;
}

/** What is used of roaring-wasm. */
export interface RoaringBitmap {
  readonly size: number;
  toUint32Array(): Uint32Array;
  dispose(): void;
}

/** What is used of a cache: lru-cache and mnemonist agree so far. */
export interface Cache {
  get(key: number): number | undefined;
  set(key: number, value: number): unknown;
  keys(): IterableIterator<number>;
}

/** What is used of splaytree. */
export interface Splay {
  find(key: number): unknown;
  insert(key: number, data: number): unknown;
}

export interface Peers {
  readonly versions: Readonly<Record<string, string>>;
  fastBitSet(bits: Uint32Array): FastBitSet;
  roaring(pages: Uint32Array): Promise<RoaringBitmap>;
  lruCache(capacity: number): Cache;
  lruMap(capacity: number): Cache;
  splayTree(): Splay;
}

const PACKAGES = ["typedfastbitset", "roaring-wasm", "lru-cache", "mnemonist", "splaytree"];

/** The peers, or undefined when they are not installed. */
export function loadPeers(): Peers | undefined {
  const versions: Record<string, string> = {};
  try {
    for (const name of PACKAGES) versions[name] = versionOf(name);
  } catch {
    return undefined;
  }
  return {
    versions,
    fastBitSet: (bits) => {
      const { TypedFastBitSet } = require("typedfastbitset");
      const set: FastBitSet & { words: Uint32Array } = new TypedFastBitSet();
      set.words = bits.slice();
      return set;
    },
    roaring: async (pages) => {
      const { RoaringBitmap32, roaringLibraryInitialize } = require("roaring-wasm");
      await roaringLibraryInitialize();
      return RoaringBitmap32.from(pages);
    },
    lruCache: (capacity) => new (require("lru-cache").LRUCache)({ max: capacity }),
    lruMap: (capacity) => new (require("mnemonist").LRUMap)(Uint32Array, Uint8Array, capacity),
    splayTree: () => {
      const module = require("splaytree");
      const Tree = module.default ?? module;
      return new Tree((a: number, b: number) => a - b);
    },
  };
}

function versionOf(name: string): string {
  const file = new URL(`./thirdparty/node_modules/${name}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")).version;
}
