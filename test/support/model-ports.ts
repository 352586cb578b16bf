/** The modelled machines as the conformance kit takes them, and a way to break them. */
import { Kernels, U32Buffer } from "../../src/kernels/index.js";
import {
  type PortsHarness,
  type PortsPair,
  portsArenaBytes,
} from "../../src/migrate/conformance/index.js";
import type { SourceMachine, TargetMachine } from "../../src/migrate/ports.js";
import { ModelGuest } from "../../src/model/model-guest.js";
import { ModelSource } from "../../src/model/model-source.js";
import { ModelTarget } from "../../src/model/model-target.js";
import { XenHost } from "../../src/model/xen-host.js";
import { host, hotCold, small } from "./specs.js";

const PAGES = 700;
const DOM0_PAGES = 64;
const BUSY_NS = 20_000_000;
const KEEPS = { foresees: true, trackAbsent: false } as const;

export interface ModelPair extends PortsPair<U32Buffer> {
  readonly guest: ModelGuest;
  readonly hosts: readonly [XenHost, XenHost];
}

/** What a test breaks: it gets the pair as it is and says what calls do instead. */
export interface Breakage {
  source?(pair: ModelPair): Partial<SourceMachine<U32Buffer>>;
  target?(pair: ModelPair): Partial<TargetMachine<U32Buffer>>;
}

export function modelHarness(breakage: Breakage = {}): PortsHarness<U32Buffer> {
  const open = () => {
    const pair = openPair();
    const source = over(pair.source, breakage.source?.(pair));
    return { ...pair, source, target: over(pair.target, breakage.target?.(pair)) };
  };
  return { open, busyNs: BUSY_NS, steadyTime: true, directWrites: true, oneSize: true };
}

function openPair(): ModelPair {
  const [domain] = small({ pages: PAGES, activity: hotCold(PAGES, 3000) }).domains;
  const spec = { ...domain!, deviceStateBytes: 1003, suspendDirtiesPages: 5 };
  const arenaBytes =
    ModelGuest.arenaBytes(spec, KEEPS) +
    ModelTarget.arenaBytes(PAGES, 1) +
    2 * U32Buffer.bytesFor(PAGES) +
    portsArenaBytes(PAGES, 4);
  const kernels = Kernels.loadSync({ arenaBytes });
  const guest = new ModelGuest({ kernels, spec, seed: 3, ...KEEPS });
  const hosts = [roomForOne("a"), roomForOne("b")] as const;
  const [from, to] = hosts;
  from.memory.reserve(spec.name, PAGES);
  from.add(spec, guest, 0);
  const written = U32Buffer.create(kernels, PAGES);
  let nowNs = 0;
  return {
    kernels,
    guest,
    hosts,
    source: new ModelSource({ guest, host: from }),
    target: new ModelTarget({ kernels, guest, source: from, target: to, diskBlocks: 0 }),
    contents: (pages) => U32Buffer.create(kernels, pages),
    equal: (a, i, b, j) => a.at(i) === b.at(j),
    pass: (elapsedNs) => {
      nowNs += elapsedNs;
      for (const each of hosts) each.advanceTo(nowNs);
    },
    progress: () => guest.virtualNs(),
    write: (pages) => {
      written.set(pages);
      guest.pages.touchWrites(written, 0);
    },
    close: () => undefined,
  };
}

function roomForOne(name: string): XenHost {
  const spec = host(name);
  const dom0 = { ...spec.dom0, memoryPages: DOM0_PAGES };
  return new XenHost({ ...spec, dom0, memoryPages: DOM0_PAGES + PAGES });
}

/** The machine with some calls replaced. */
function over<M extends object>(machine: M, calls: Partial<M> | undefined): M {
  return Object.assign(Object.create(machine) as M, calls);
}
