/** `xl sched-credit` (tools/xl/xl_sched.c): the pool's parameters, then a line per domain. */
import type { HostView } from "../../model/domain.js";
import { left, right } from "./columns.js";

/** Empty on a host under another scheduler, as the real tool's answer. */
export function xlSchedCredit(view: HostView): string {
  const { scheduler, cpuPool, timesliceMs, ratelimitUs, migrationDelayUs } = view.host;
  if (scheduler !== "credit") return "";
  const lines = [
    `Cpupool ${cpuPool}: tslice=${timesliceMs}ms ratelimit=${ratelimitUs}us ` +
      `migration-delay=${migrationDelayUs}us`,
    row("Name", "ID", "Weight", "Cap"),
    ...view.domains.map(({ name, id, weight, cap }) => row(name, id, weight, cap)),
  ];
  return `${lines.join("\n")}\n`;
}

function row(
  name: string,
  id: number | string,
  weight: number | string,
  cap: number | string,
): string {
  return `${left(name, 33)} ${right(id, 4)} ${right(weight, 6)} ${right(cap, 4)}`;
}
