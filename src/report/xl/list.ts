/** `xl list` (tools/xl/xl_info.c, list_domains). */
import type { DomainFlags, DomainState, HostView } from "../../model/domain.js";
import { SHUTDOWN_REASONS } from "../../model/domain.js";
import { left, right, xlSeconds } from "./columns.js";

const HEADER = "Name                                        ID   Mem VCPUs\tState\tTime(s)";
const VERBOSE_HEADER = "   UUID                            Reason-Code\tSecurity Label";
/** One per shutdown reason; a plain power-off has none. */
const REASON_LETTERS = "-rscwS";
const NO_UUID = "00000000-0000-0000-0000-000000000000";

/** A line per domain, each ended by a newline; memory in whole MiB, time in seconds. */
export function xlList(view: HostView, options: { readonly verbose?: boolean } = {}): string {
  const { verbose = false } = options;
  const lines = [verbose ? HEADER + VERBOSE_HEADER : HEADER];
  const pagesPerMib = 2 ** 20 / view.host.pageSizeBytes;
  for (const domain of view.domains) {
    const row = domainRow(domain, Math.floor(domain.memoryPages / pagesPerMib));
    lines.push(verbose ? row + verboseColumns(domain) : row);
  }
  return `${lines.join("\n")}\n`;
}

function domainRow(domain: DomainState, memoryMib: number): string {
  const { name, id, vcpus, flags, cpuTimeNs } = domain;
  const online = vcpus.filter((vcpu) => vcpu.online).length;
  const columns = [left(name, 40), right(id, 5), right(memoryMib, 5), right(online, 5)].join(" ");
  return `${columns}     ${stateLetters(flags)}  ${right(xlSeconds(cpuTimeNs), 8)}`;
}

function stateLetters(flags: DomainFlags): string {
  const { running, blocked, paused, dying, shutdownReason } = flags;
  return [
    running ? "r" : "-",
    blocked ? "b" : "-",
    paused ? "p" : "-",
    shutdownReason === undefined ? "-" : "s",
    shutdownReason === undefined ? "-" : REASON_LETTERS[SHUTDOWN_REASONS.indexOf(shutdownReason)],
    dying ? "d" : "-",
  ].join("");
}

function verboseColumns({ uuid, flags }: DomainState): string {
  const { shutdownReason } = flags;
  const code = shutdownReason === undefined ? "-" : SHUTDOWN_REASONS.indexOf(shutdownReason);
  return ` ${uuid ?? NO_UUID} ${right(code, 8)} ${right("-", 16)}`;
}
