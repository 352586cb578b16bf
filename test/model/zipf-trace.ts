/**
 * A reference trace of page replacement: 10,000,000 requests, Zipf exponent 1 over 1,000,000 ids,
 * splitmix64 (Steele, Lea & Flood 2014) with seed 20261122. Weights 1/k summed in order; ids
 * permuted by Fisher & Yates from the top down; a request is the first id whose cumulative weight
 * reaches a 53-bit uniform number. The counts that the tests expect of it come from a C program
 * and agree with libCacheSim's.
 */
const REQUESTS = 10_000_000;
const IDS = 1_000_000;
const GUIDES = 1 << 20;

/** splitmix64 in two halves of 32 bits; `high` and `low` hold the last draw. */
class SplitMix64 {
  high = 0;
  low = 0;
  private stateHigh = 0;

  constructor(private stateLow: number) {}

  next(): void {
    const sum = this.stateLow + 0x7f4a7c15;
    this.stateLow = sum >>> 0;
    this.stateHigh = (this.stateHigh + 0x9e3779b9 + (sum > 0xffffffff ? 1 : 0)) >>> 0;
    this.high = this.stateHigh;
    this.low = this.stateLow;
    this.xorShift(30);
    this.multiply(0xbf58476d, 0x1ce4e5b9);
    this.xorShift(27);
    this.multiply(0x94d049bb, 0x133111eb);
    this.xorShift(31);
  }

  private xorShift(by: number): void {
    const low = (this.low ^ ((this.low >>> by) | (this.high << (32 - by)))) >>> 0;
    this.high = (this.high ^ (this.high >>> by)) >>> 0;
    this.low = low;
  }

  private multiply(high: number, low: number): void {
    const a = this.low & 0xffff;
    const b = this.low >>> 16;
    const c = low & 0xffff;
    const d = low >>> 16;
    const middle = b * c + (((a * c) / 0x10000) >>> 0);
    const middle2 = a * d + (middle % 0x10000);
    const carry = b * d + Math.floor(middle / 0x10000) + Math.floor(middle2 / 0x10000);
    const cross = Math.imul(this.high, low) + Math.imul(this.low, high);
    this.high = ((carry % 0x1_0000_0000) + cross) >>> 0;
    this.low = Math.imul(this.low, low) >>> 0;
  }
}

export function zipfTrace(): Uint32Array {
  const random = new SplitMix64(20261122);
  const cumulative = new Float64Array(IDS);
  let total = 0;
  for (let i = 0; i < IDS; i++) {
    total += 1 / (i + 1);
    cumulative[i] = total;
  }
  const ids = permutation(random);
  const guide = guideTable(cumulative, total);
  const requests = new Uint32Array(REQUESTS);
  for (let i = 0; i < REQUESTS; i++) {
    random.next();
    const bits53 = random.high * 0x20_0000 + (random.low >>> 11);
    const u = bits53 * 2 ** -53 * total;
    let at = guide[Math.floor((u / total) * GUIDES)] as number;
    // The guide is near; rounding may have put it on either side.
    while (at > 0 && (cumulative[at - 1] as number) >= u) at--;
    while ((cumulative[at] as number) < u && at < IDS - 1) at++;
    requests[i] = ids[at] as number;
  }
  return requests;
}

function permutation(random: SplitMix64): Uint32Array {
  const ids = Uint32Array.from({ length: IDS }, (_, i) => i);
  for (let i = IDS - 1; i > 0; i--) {
    random.next();
    const n = i + 1;
    const j = ((random.high % n) * (0x1_0000_0000 % n) + (random.low % n)) % n;
    const kept = ids[i] as number;
    ids[i] = ids[j] as number;
    ids[j] = kept;
  }
  return ids;
}

/** guide[g] = the first id whose cumulative weight reaches g / GUIDES of the total. */
function guideTable(cumulative: Float64Array, total: number): Uint32Array {
  const guide = new Uint32Array(GUIDES + 1);
  let at = 0;
  for (let g = 0; g <= GUIDES; g++) {
    while (at < IDS - 1 && (cumulative[at] as number) < (g / GUIDES) * total) at++;
    guide[g] = at;
  }
  return guide;
}
