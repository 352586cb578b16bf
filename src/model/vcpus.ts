/**
 * A guest whose VCPUs run apart, because one of them may wait for an absent page, or be stunned,
 * while the others go on. Stream i of the guest's activity runs on VCPU i mod the number of VCPUs.
 *
 *   wall time   ──────────────────────┬─────────────▶   each VCPU has its own position (`atNs`)
 *   VCPU 0      ════╪ fault ··········╪════════════    ·· waits: no progress
 *   VCPU 1      ═══════════════════════════════════
 *   its clock   memory time that it has executed; a stream of it is at clock - lag (stuns make lag)
 *
 * A page is missing on the network until the driver says that it came (Hines & Gopalan's demand
 * paging; userfaultfd in QEMU's post-copy), or on the guest's own disk for `refaultNs` (a page that
 * ballooning took away, Waldspurger 2002).
 */
import { assert } from "../base/assert.js";
import { type GuestActivity, ticksAt } from "../guest/guest-activity.js";
import type { GuestPages, PageBitmap, U32Buffer } from "../kernels/index.js";
import { Stalls } from "./stalls.js";

/** Longest stretch run at once, so that the cost of faults follows the faults closely. */
export const SLICE_NS = 10_000_000;
/** Streams that share a VCPU run in turns this long, so that none gets far ahead of a fault. */
const TURN_NS = 1_000_000;
const NONE = -1;

/** A VCPU stands still before an access to a page that has to come from elsewhere. */
export interface VcpuFault {
  readonly vcpu: number;
  readonly page: number;
  readonly atNs: number;
}

/** How the guest runs at the moment. */
export interface Pace {
  readonly running: boolean;
  /** Progress per wall time of a VCPU that does not wait, and its memory activity's. */
  readonly speed: number;
  readonly memorySpeed: number;
  /** Standing still of the VCPU that writes a logged page first; 0 while nothing is logged. */
  readonly writeFaultNs: number;
}

export interface VcpusOptions {
  readonly pages: GuestPages;
  readonly activity: GuestActivity;
  readonly vcpus: number;
  /** Absent pages that the guest brings back itself; undefined when absence is not tracked. */
  readonly local: PageBitmap | undefined;
  /** Those of them that held nothing. */
  readonly empty: PageBitmap | undefined;
  /** A list of one page. */
  readonly one: U32Buffer;
  /** Where the guest stood as a whole. */
  readonly start: { atNs: number; clockNs: number; ranNs: number; debtNs: number };
}

interface Stream {
  readonly index: number;
  atNs: number;
  lagNs: number;
  stunned: boolean;
  writeFaults: number;
}

interface Vcpu {
  readonly id: number;
  readonly streams: readonly Stream[];
  atNs: number;
  clockNs: number;
  clockFraction: number;
  ranFraction: number;
  debtNs: number;
  /** The page that it waits for, and when that will be here (Infinity: who knows). */
  page: number;
  readyNs: number;
}

export class Vcpus {
  stalls: Stalls;
  refaultNs = 0;
  emptyRefaultNs = 0;
  private readonly all: readonly Vcpu[];
  private readonly streams: readonly Stream[];
  /** Local pages on their way from the disk, and when they are here. */
  private readonly loading = new Map<number, number>();
  private found: VcpuFault[] = [];
  private clockSum: number;
  private ranSum: number;
  private heldNs = 0;
  private writeFaults = 0;

  constructor(private readonly options: VcpusOptions) {
    const { activity, vcpus, start } = options;
    const { atNs, clockNs, ranNs, debtNs } = start;
    const still = { lagNs: 0, stunned: false, writeFaults: 0 };
    this.streams = Array.from({ length: activity.streams }, (_, index) => ({
      index,
      atNs: clockNs,
      ...still,
    }));
    this.all = Array.from({ length: vcpus }, (_, id) => ({
      id,
      streams: this.streams.filter(({ index }) => index % vcpus === id),
      ...{ atNs, clockNs, clockFraction: 0, ranFraction: 0, debtNs, page: NONE, readyNs: 0 },
    }));
    this.clockSum = clockNs * vcpus;
    this.ranSum = ranNs * vcpus;
    this.stalls = new Stalls(vcpus);
  }

  /** Memory time of the guest as a whole: the mean of its VCPUs. */
  get clockNs(): number {
    return Math.floor(this.clockSum / this.all.length);
  }

  /** Time that the guest executed: a VCPU of V that waits loses it 1/V of its progress. */
  get ranNs(): number {
    return Math.floor(this.ranSum / this.all.length);
  }

  /** Is there a VCPU that waits for a page from elsewhere? */
  get waiting(): boolean {
    return this.all.some((vcpu) => vcpu.page !== NONE && vcpu.readyNs === Number.POSITIVE_INFINITY);
  }

  /** Runs every VCPU that does not wait, from where it is, until `untilNs` or its next fault. */
  advance(untilNs: number, pace: Pace): void {
    if (!pace.running) {
      this.heldNs = Math.max(this.heldNs, untilNs);
      return;
    }
    for (let vcpu = this.next(untilNs); vcpu !== undefined; vcpu = this.next(untilNs)) {
      if (vcpu.page !== NONE) this.refaulted(vcpu);
      vcpu.atNs = Math.max(vcpu.atNs, this.heldNs);
      this.runSlice(vcpu, untilNs, pace);
    }
  }

  /** Faults found since the last call, in the order of time. */
  takeFaults(): readonly VcpuFault[] {
    const found = this.found.sort((a, b) => a.atNs - b.atNs || a.vcpu - b.vcpu);
    this.found = [];
    return found;
  }

  /** Lets the VCPUs go on from `atNs` whose page is not absent any more. */
  wake(atNs: number): void {
    for (const vcpu of this.all) {
      if (vcpu.page === NONE || vcpu.readyNs !== Number.POSITIVE_INFINITY) continue;
      if (this.options.pages.absent?.has(vcpu.page) === true) continue;
      if (vcpu.atNs < atNs) {
        this.stalls.end(vcpu.id, atNs);
        vcpu.atNs = atNs;
      } else {
        // It ran ahead of the arrival and would have found the page.
        this.stalls.cancel(vcpu.id);
        this.found = this.found.filter((fault) => fault.vcpu !== vcpu.id);
      }
      vcpu.page = NONE;
    }
  }

  /** Counts stalls anew, but for those on the guest's own disk. */
  resetStalls(): void {
    assert(!this.waiting, "no VCPU waits for another machine when counting begins");
    this.stalls = this.stalls.afresh();
  }

  /** Every VCPU stands still for `ns`. */
  standStill(ns: number): void {
    for (const vcpu of this.all) vcpu.debtNs += ns;
  }

  stun(stream: number): void {
    this.streamAt(stream).stunned = true;
  }

  /** Stuns every stream with at least so many write faults since {@link resetWriteFaults}. */
  stunBusy(faults: number): void {
    for (const stream of this.streams) if (stream.writeFaults >= faults) stream.stunned = true;
  }

  unstunAll(): void {
    for (const stream of this.streams) stream.stunned = false;
  }

  /** First writes to logged pages by one stream since {@link resetWriteFaults}. */
  writeFaultsOf(stream: number): number {
    return this.streamAt(stream).writeFaults;
  }

  resetWriteFaults(): void {
    for (const stream of this.streams) stream.writeFaults = 0;
  }

  /** First writes to logged pages by all since the last call. */
  takeWriteFaults(): number {
    const count = this.writeFaults;
    this.writeFaults = 0;
    return count;
  }

  /** The VCPU that can go on earliest before `untilNs`. */
  private next(untilNs: number): Vcpu | undefined {
    let first: Vcpu | undefined;
    let firstNs = untilNs;
    for (const vcpu of this.all) {
      const fromNs = Math.max(this.heldNs, vcpu.page === NONE ? vcpu.atNs : vcpu.readyNs);
      if (fromNs >= firstNs) continue;
      first = vcpu;
      firstNs = fromNs;
    }
    return first;
  }

  private runSlice(vcpu: Vcpu, untilNs: number, pace: Pace): void {
    const shared = vcpu.streams.length > 1 && this.options.pages.faulting;
    const allNs = Math.min(shared ? TURN_NS : SLICE_NS, untilNs - vcpu.atNs);
    const paidNs = Math.min(Math.floor(vcpu.debtNs), allNs);
    vcpu.debtNs -= paidNs;
    vcpu.atNs += paidNs;
    const sliceNs = allNs - paidNs;
    if (sliceNs === 0) return;
    const progress = sliceNs * pace.memorySpeed + vcpu.clockFraction;
    const wantedNs = vcpu.clockNs + Math.floor(progress);
    const { stoppedNs, page } = this.runStreams(vcpu, wantedNs, pace);
    if (page === NONE) {
      this.progress(vcpu, { wallNs: sliceNs, clockNs: wantedNs - vcpu.clockNs, pace });
      return;
    }
    const clockNs = stoppedNs - vcpu.clockNs;
    const neededNs = Math.ceil((clockNs - vcpu.clockFraction) / pace.memorySpeed);
    const wallNs = Math.min(sliceNs, Math.max(0, neededNs));
    this.progress(vcpu, { wallNs, clockNs, pace });
    this.block(vcpu, page);
  }

  /** Runs a VCPU's streams to `untilNs` of its clock; tells where the first of them stopped. */
  private runStreams(vcpu: Vcpu, untilNs: number, { writeFaultNs }: Pace) {
    const { activity, pages } = this.options;
    const nowTicks = ticksAt(this.clockNs);
    let stoppedNs = untilNs;
    let page = NONE;
    for (const stream of vcpu.streams) {
      const toNs = untilNs - stream.lagNs;
      // One that a neighbour's fault left ahead of the clock waits for it.
      if (stream.stunned || stream.atNs >= toNs) continue;
      stream.atNs = activity.runStream(stream.index, pages, stream.atNs, toNs, nowTicks);
      if (stream.atNs < toNs && stream.atNs + stream.lagNs < stoppedNs) {
        stoppedNs = stream.atNs + stream.lagNs;
        page = pages.fault.page;
      }
      const writeFaults = pages.takeNewlyDirty();
      stream.writeFaults += writeFaults;
      this.writeFaults += writeFaults;
      vcpu.debtNs += writeFaults * writeFaultNs;
    }
    return { stoppedNs, page };
  }

  /** Moves a VCPU on by so much wall time and memory time. */
  private progress(vcpu: Vcpu, by: { wallNs: number; clockNs: number; pace: Pace }): void {
    const { wallNs, clockNs, pace } = by;
    const fraction = wallNs * pace.memorySpeed + vcpu.clockFraction - clockNs;
    vcpu.clockFraction = Math.max(0, fraction);
    vcpu.atNs += wallNs;
    vcpu.clockNs += clockNs;
    this.clockSum += clockNs;
    let stunned = 0;
    for (const stream of vcpu.streams) {
      if (!stream.stunned) continue;
      stream.lagNs += clockNs;
      stunned++;
    }
    const share = stunned === 0 ? 1 : 1 - stunned / vcpu.streams.length;
    const ran = wallNs * pace.speed * share + vcpu.ranFraction;
    this.ranSum += Math.floor(ran);
    vcpu.ranFraction = ran - Math.floor(ran);
  }

  private block(vcpu: Vcpu, page: number): void {
    const { id, atNs } = vcpu;
    vcpu.page = page;
    if (this.options.local?.has(page) !== true) {
      vcpu.readyNs = Number.POSITIVE_INFINITY;
      this.stalls.begin(id, atNs, "remote");
      this.found.push({ vcpu: id, page, atNs });
      return;
    }
    const takesNs = this.options.empty?.has(page) === true ? this.emptyRefaultNs : this.refaultNs;
    const loadedNs = this.loading.get(page) ?? atNs + takesNs;
    this.loading.set(page, loadedNs);
    vcpu.readyNs = Math.max(atNs, loadedNs);
    this.stalls.begin(id, atNs, "local");
  }

  /** A page has come from the guest's disk: its contents are written anew. */
  private refaulted(vcpu: Vcpu): void {
    const { pages, local, one } = this.options;
    const { page, readyNs } = vcpu;
    this.stalls.end(vcpu.id, readyNs);
    vcpu.page = NONE;
    vcpu.atNs = readyNs;
    this.loading.delete(page);
    // By now another one may have brought it back, or it is to come from the other machine.
    if (pages.absent?.has(page) !== true || local?.has(page) !== true) return;
    pages.absent.clear(page);
    local.clear(page);
    one.set([page]);
    pages.touchWrites(one, ticksAt(this.clockNs));
    // Written by the device: no VCPU pays for it.
    pages.takeNewlyDirty();
  }

  private streamAt(index: number): Stream {
    const stream = this.streams[index];
    assert(stream !== undefined, `stream ${index} is below ${this.streams.length}`);
    return stream;
  }
}
