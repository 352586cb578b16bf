/**
 * Xen's xl: `xl migrate` has no limit, no throttle, no codec and no post-copy (libxl sets no policy;
 * verified in tools/xl and libxenguest). What remains is the guest and the link; xl pause does not
 * help, because a paused guest does not answer the request to suspend. Recalled, not verified: the
 * options of sched-credit2, and that a cap does not move with the guest.
 */
import type { Commands } from "./command.js";
import { shellLine } from "./command.js";

export const xl: Commands = (_settings, { guest = "DOMAIN" }) => [
  {
    title: "xl migrate has no such settings: quiet the guest first, or take a faster link",
    lines: [shellLine(["xl", "migrate", guest, "TARGET"])],
  },
  {
    title: "or slow the guest for the move: a cap of 20 % of a CPU, and none again at the target",
    lines: [
      shellLine(["xl", "sched-credit2", "-d", guest, "-c", 20]),
      shellLine(["xl", "migrate", guest, "TARGET"]),
    ],
  },
];
