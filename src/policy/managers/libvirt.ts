/**
 * `virsh migrate --live --timeout SECONDS` with `--timeout-suspend` (the default) or
 * `--timeout-postcopy`: once the move has lasted longer, the guest is paused, or switched to
 * post-copy, and the move finishes. Source: tools/virsh-domain.c and virshWatchJob of
 * tools/virsh-util.c, which looks every 500 ms (both recalled, not verified).
 */
import {
  type Manager,
  type ManagerAction,
  type ManagerFactory,
  NO_ACTIONS,
  type Progress,
} from "../manager.js";

export type LibvirtTimeoutAction = "suspend" | "postcopy";

class Libvirt implements Manager {
  readonly name = "libvirt";
  readonly pollNs = 500_000_000;
  private done = false;

  constructor(
    private readonly timeoutNs: number,
    private readonly action: LibvirtTimeoutAction,
  ) {}

  poll({ elapsedNs, state }: Progress): readonly ManagerAction[] {
    if (this.done || state !== "pre-copy" || elapsedNs <= this.timeoutNs) return NO_ACTIONS;
    this.done = true;
    return [{ kind: this.action === "suspend" ? "pause" : "post-copy" }];
  }

  describe(): Record<string, number | string> {
    return { timedOut: this.done ? "yes" : "no" };
  }
}

export const libvirt: ManagerFactory = {
  name: "libvirt",
  summary: "virsh migrate --timeout: then pause the guest, or switch to post-copy",
  source: "libvirt tools/virsh-domain.c (recalled, not verified)",
  params: {
    timeout: {
      kind: "duration",
      // virsh has no default; this one is this project's.
      default: 300_000_000_000,
      help: "--timeout",
    },
    action: {
      kind: "choice",
      default: "suspend",
      choices: ["suspend", "postcopy"],
      help: "--timeout-suspend or --timeout-postcopy",
    },
  },
  create: (_context, params) =>
    new Libvirt(params.timeout as number, params.action as LibvirtTimeoutAction),
};
