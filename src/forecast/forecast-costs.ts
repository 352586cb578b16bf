/** What a forecast takes a migration to cost beside its pages, by hypervisor, where nobody says. */
import { type LoopCosts, QEMU72_COSTS } from "./loop-costs.js";

/**
 * What differs from QEMU's. Xen: from the request to the guest's being suspended 90 ms, and 0.4 s of
 * downtime that no page causes in the median (17 runs of Xen 4.17 in software emulation). Cloud
 * Hypervisor: 7 ms for the state, 19 to send it, 1 to complete (its own log, pull request 7979).
 */
const OTHERS: Readonly<Record<string, Partial<LoopCosts>>> = {
  xen: { stopMs: 90, resumeMs: 310 },
  "cloud-hypervisor": { stopMs: 7, resumeMs: 20 },
};

export function forecastCosts(preset: string, given: Partial<LoopCosts> = {}): LoopCosts {
  const own = OTHERS[preset.startsWith("xen") ? "xen" : preset] ?? {};
  return { ...QEMU72_COSTS, ...own, ...given };
}
