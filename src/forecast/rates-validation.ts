/**
 * Verdicts on recorded QEMU migrations from what an operator has of them: the dirty rate that QEMU
 * measured before the start, memory and its zeros, the settings, and the rate that the link was set to.
 */
import { geometric, uniquePages } from "./baselines.js";
import { forecast } from "./forecast.js";
import type { QemuGuest } from "./qemu-guest.js";
import type { QemuRun } from "./qemu-run.js";
import { qemuStrategy } from "./qemu-strategy.js";
import { qemuGroup } from "./qemu-validation.js";
import { type DirtyRateReading, ratesGuest } from "./rates/index.js";
import { halfOf, type RunVerdict } from "./validation.js";

const QEMU_MAJOR = 7;

/** @param guest for its zeros alone; undefined: the run says what it knows of them */
export function ratesVerdict(
  { known, actual }: QemuRun,
  guest: Pick<QemuGuest, "pages" | "zeroPages" | "bound"> | undefined,
  readings: readonly DirtyRateReading[],
): RunVerdict {
  const { pages, zeroPages } = guest ?? {
    pages: known.memoryPages,
    zeroPages: known.memoryPages * known.zeroShare,
  };
  const { settings, caps, postCopyAfter, network, bytesPerSec, timeoutMs } = known;
  const measured = ratesGuest(readings, pages).guest;
  const said = forecast({
    guest: measured,
    content: { zeroShare: zeroPages / pages },
    linkBytesPerSec: network === "link" ? bytesPerSec : Number.POSITIVE_INFINITY,
    downtimeLimitMs: settings.downtimeLimitMs,
    timeoutMs,
    strategy: qemuStrategy({
      ...{ major: QEMU_MAJOR, settings, caps },
      ...(postCopyAfter && { postCopyAfterSyncs: postCopyAfter.pass }),
    }),
  });
  const [first] = measured.dirtied;
  const perSec = first === undefined ? 0 : first.pages / first.windowSec;
  const baseline = {
    ...{ pages, zeroPages, bytesPerSec, writesPerSec: perSec },
    ...{ writtenPages: pages - zeroPages, downtimeLimitMs: settings.downtimeLimitMs },
  };
  const { totalMs, downtimeMs, bytes, rounds } = said;
  return {
    ...{ id: known.id, group: qemuGroup(known, guest?.bound), half: halfOf(known.id) },
    ...{ rate: "calc-dirty-rate", actual, borderline: said.converges === "borderline" },
    forecast: {
      ...{ totalMs: totalMs.middle, downtimeMs: downtimeMs.middle },
      ...{ bytes: bytes.middle, syncs: rounds.middle },
      completed: said.completesShare >= 0.5,
    },
    ...{ total: totalMs, downtime: downtimeMs },
    baselines: { M0: geometric(baseline), M1: uniquePages(baseline) },
  };
}
