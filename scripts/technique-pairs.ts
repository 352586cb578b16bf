/**
 * What docs/TECHNIQUES.md measures: every registered name that can stand in a strategy, beside the
 * same strategy without it. Admission rules and plans are measured apart.
 */

/** Which guests: as recorded, those whose pages' contents were measured too, or with a disk. */
export type Guests = "all" | "with-content" | "with-disk";

export interface Pair {
  /** The name that it tells something about. */
  readonly name: string;
  readonly strategy: string;
  readonly against: string;
  readonly guests: Guests;
}

export interface PairKind {
  readonly kind: string;
  readonly pairs: readonly Pair[];
}

const XEN = "pre-copy@xen";
/** QEMU's 128 MiB/s would hide the fast link. */
const QEMU72 = "qemu72:max-bandwidth=100Gbit/s";
const QEMU102 = "qemu102:max-bandwidth=100Gbit/s";

const pair = (name: string, strategy: string, against: string): Pair => ({
  name,
  strategy,
  against,
  guests: "all",
});

/** `pre-copy+X@preset` beside `pre-copy@preset`. */
function added(name: string, preset: string, params = ""): Pair {
  return pair(name, `pre-copy+${name}${params}@${preset}`, `pre-copy@${preset}`);
}

const onContent = (one: Pair): Pair => ({ ...one, guests: "with-content" });

export const PAIR_KINDS: readonly PairKind[] = [
  {
    kind: "strategies",
    pairs: [
      pair("suspend", "suspend", XEN),
      pair("pre-copy", XEN, "suspend"),
      pair("seed", "seed", XEN),
      pair("post-copy", "post-copy", XEN),
      pair("post-copy", "post-copy:order=forward", "post-copy"),
      pair("post-copy", "post-copy:order=ascending", "post-copy"),
      pair("post-copy", "post-copy:pivots=8", "post-copy"),
      pair("post-copy", "post-copy:quiet=1s", "post-copy"),
      pair("post-copy", "post-copy:buffer=64KiB", "post-copy"),
      pair("post-copy", "post-copy:preempt", "post-copy"),
      pair("hybrid", "hybrid", XEN),
      pair("hybrid", "hybrid", "post-copy"),
      pair("adaptive", "adaptive", XEN),
      pair("adaptive", "adaptive", "pre-copy@xen-skip"),
      pair("adaptive", "adaptive:post-copy", "adaptive"),
    ],
  },
  {
    kind: "predictors",
    pairs: [
      ...["recency", "lru-splay", "aging", "clock", "wsclock", "exact-ws", "oracle"].map((name) =>
        added(name, "xen"),
      ),
      ...["recency", "lru-splay", "aging", "clock", "wsclock"].map((name) =>
        added(name, "xen", ":warmup=0"),
      ),
      added("wsclock", "xen-skip", ":warmup=0"),
    ],
  },
  {
    kind: "throttles",
    pairs: [
      added("jin", "xen"),
      added("jin", QEMU102),
      added("auto-converge", QEMU102),
      added("dirty-limit", QEMU102),
      added("sdps", "vmotion"),
      added("stun-writers", "xen"),
      added("no-progress", "xen"),
      added("no-progress", QEMU102),
    ],
  },
  {
    kind: "codecs",
    pairs: [
      ...["raw", "zero", "hash-dedup", "xbzrle", "deflate", "zstd", "multifd"].map((name) =>
        onContent(added(name, "xen")),
      ),
      onContent(pair("xbzrle", "pre-copy+zero+xbzrle@xen", "pre-copy+zero@xen")),
      onContent(pair("zstd", "pre-copy+zero+zstd@xen", "pre-copy+zero@xen")),
    ],
  },
  {
    kind: "reclaim",
    pairs: ["balloon", "free-page-cache", "dsb"].map((name) => onContent(added(name, "xen"))),
  },
  {
    kind: "storage",
    pairs: [{ ...added("storage", "xen"), guests: "with-disk" }],
  },
  {
    kind: "managers",
    pairs: [
      ...["kubevirt", "nova", "proxmox", "vdsm", "libvirt"].map((name) => added(name, QEMU72)),
      added("kubevirt", QEMU72, ":stall-detector"),
      added("libvirt", QEMU72, ":timeout=10s"),
    ],
  },
  {
    kind: "presets",
    pairs: [
      ...["xen-skip", "xen2005", "clark-paper"].map((name) => pair(name, `pre-copy@${name}`, XEN)),
      pair("qemu72", `pre-copy@${QEMU72}`, XEN),
      pair("qemu102", `pre-copy@${QEMU102}`, XEN),
      pair("qemu102", `pre-copy@${QEMU102}`, `pre-copy@${QEMU72}`),
      ...["cloud-hypervisor", "vmotion", "hyper-v"].map((name) =>
        pair(name, `pre-copy@${name}`, XEN),
      ),
    ],
  },
];

/** Names without a row: what all others are measured against, or by. */
export const BASELINES: readonly string[] = ["none", "xen"];
