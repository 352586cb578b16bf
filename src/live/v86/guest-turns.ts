/**
 * The turns in which a v86 guest runs: about a millisecond each on the thread that everything else
 * here shares. Between turns nothing in it changes. Counts what the guest executed and how long it
 * ran and idled, and slows it by lengthening the pauses between turns.
 */
import { assert } from "../../base/assert.js";
import { NS_PER_MS } from "../../base/units.js";
import { type Brake, NO_BRAKE } from "../../policy/throttle.js";
import { GuestGone } from "./absent-pages.js";
import type { V86Emulator } from "./v86-internals.js";

/**
 * Timers sleep longer than they are asked to; what they slept too long is made up for later, up to
 * this, so that the share holds on average.
 */
const CREDIT_MS = 20;

export class GuestTurns {
  /** Instructions executed; v86 counts modulo 2^32, a turn runs far fewer. */
  instructions = 0;
  /** Time within turns, nanoseconds. */
  ranNs = 0;
  /** Time within turns that the guest waited for absent pages, nanoseconds; not in `ranNs`. */
  waitedNs = 0;
  /** It stopped amid an instruction, for a page that will not come, and never runs again. */
  gone = false;
  /** Called at the start of a turn, as a part of it. */
  before: (() => void) | undefined;
  /** A turn is under way: the guest is not to be looked at. */
  turning = false;
  private brake: Brake = NO_BRAKE;
  private counted: number;
  private owedMs = 0;
  private endedMs = 0;
  private askedMs = 0;
  private chargedWrites = 0;
  private idledMs = 0;

  /** @param firstWrites see PageTracking; undefined where nothing tells */
  constructor(
    private readonly emulator: V86Emulator,
    private readonly firstWrites: (() => number) | undefined,
  ) {
    const { cpu } = emulator.v86;
    this.counted = cpu.instruction_counter[0] as number;
    this.endedMs = performance.now();
    const mainLoop = cpu.main_loop;
    cpu.main_loop = () => this.turn(mainLoop);
  }

  /** Time between turns as far as the guest asked to sleep (HLT), up to now, nanoseconds. */
  get idleNs(): number {
    const asleep = this.emulator.v86.running && !this.turning;
    return (this.idledMs + (asleep ? this.sleptMs(performance.now()) : 0)) * NS_PER_MS;
  }

  setBrake(brake: Brake): void {
    this.brake = brake;
    this.owedMs = 0;
    this.chargedWrites = this.firstWrites?.() ?? 0;
  }

  /** Runs from now on. */
  start(): void {
    const { v86 } = this.emulator;
    assert(!this.gone, "a guest that stopped for want of a page does not run again");
    if (v86.running) return;
    this.endedMs = performance.now();
    this.askedMs = 0;
    v86.run();
  }

  /** Stops between turns: at once, or after the turn that calls this. */
  stop(): void | Promise<void> {
    const { v86 } = this.emulator;
    if (!v86.running) return;
    v86.stop();
    if (this.turning) return this.stopped();
    // Its next turn is waiting for a timer, which may be long; take it now, to end there.
    v86.do_tick();
    v86.tick_counter++;
  }

  private turn(mainLoop: () => number): number {
    const startMs = performance.now();
    this.idledMs += this.sleptMs(startMs);
    if (this.owedMs > 0) {
      this.owedMs = Math.max(this.owedMs - (startMs - this.endedMs), -CREDIT_MS);
    }
    const waitedBeforeNs = this.waitedNs;
    let ranNs = 0;
    this.turning = true;
    try {
      this.before?.();
      this.askedMs = Math.max(0, mainLoop());
    } catch (error) {
      if (!(error instanceof GuestGone)) throw error;
      this.gone = true;
      this.emulator.v86.stop();
    } finally {
      this.turning = false;
      this.endedMs = performance.now();
      ranNs = (this.endedMs - startMs) * NS_PER_MS - (this.waitedNs - waitedBeforeNs);
      this.ranNs += ranNs;
      this.count();
    }
    this.charge(ranNs / NS_PER_MS);
    if (this.emulator.v86.stopping) return 0;
    return Math.max(this.askedMs, this.owedMs);
  }

  /** Of the time since the last turn. */
  private sleptMs(nowMs: number): number {
    return Math.min(nowMs - this.endedMs, this.askedMs);
  }

  private count(): void {
    const counter = this.emulator.v86.cpu.instruction_counter[0] as number;
    this.instructions += (counter - this.counted) >>> 0;
    this.counted = counter;
  }

  private charge(ranMs: number): void {
    const { cpuShare, stallPerFaultNs } = this.brake;
    if (cpuShare < 1) this.owedMs += (ranMs * (1 - cpuShare)) / cpuShare;
    if (stallPerFaultNs === 0 || this.firstWrites === undefined) return;
    const writes = this.firstWrites();
    this.owedMs += (((writes - this.chargedWrites) >>> 0) * stallPerFaultNs) / NS_PER_MS;
    this.chargedWrites = writes;
  }

  private stopped(): Promise<void> {
    return new Promise((resolve) => {
      const { emulator } = this;
      const done = (): void => {
        emulator.remove_listener("emulator-stopped", done);
        resolve();
      };
      emulator.add_listener("emulator-stopped", done);
    });
  }
}
