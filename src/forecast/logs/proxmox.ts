/**
 * Proxmox VE's task log of a live migration (PVE/QemuMigrate.pm, phase2). Since 6.3 about once a
 * second `migration active, transferred X of Y VM-state, Z/s`, and `VM dirties lots of memory`
 * where the dirty rate exceeds the bandwidth; before that `migration status: active (transferred
 * N, remaining N), total N)`. Neither tells the passes. Every sixth time that what remains has
 * risen (or is nothing), Proxmox doubles the downtime limit.
 */
import type { LogImporter } from "./log-format.js";
import type { LogSource } from "./log-source.js";
import { type Draft, newDraft, type ObservedSample } from "./observed-migration.js";
import { nsOfMs, sizeBytes, stamped, wholeNumber } from "./values.js";

export const proxmox: LogImporter = {
  name: "proxmox",
  title: "Proxmox VE's task log of a migration",
  mark: /migration (status: )?active|migration downtime limit|start migrate command to|VM-state|average migration speed/,
  read(source) {
    const draft = newDraft("proxmox", "qemu102");
    const reader = new ProxmoxReader(draft, source);
    for (const [text, line] of source.entries()) reader.take(text, line);
    draft.notes.push(
      "Proxmox does not log QEMU's passes, nor the dirty rate unless it exceeds the bandwidth",
    );
    return draft;
  },
};

const NEW =
  /migration active, transferred (.{1,20}?) of (.{1,20}?) VM-state, (.{1,20}?)\/s(?:, VM dirties lots of memory: (.{1,20}?)\/s)?$/;
const OLD = /migration status: active \(transferred (\d+), remaining (\d+)\), total (\d+)\)/;

class ProxmoxReader {
  private startSec: number | undefined;

  constructor(
    private readonly draft: Draft,
    private readonly source: LogSource,
  ) {}

  take(text: string, line: number): void {
    const stamp = stamped(text);
    if (/start migrate command to/.test(text)) this.startSec = stamp?.atSec;
    const elapsedNs = this.elapsed(stamp?.atSec);
    if (/migration active, transferred/.test(text)) return this.active(text, line, elapsedNs);
    if (/migration status: active/.test(text)) return this.oldActive(text, line, elapsedNs);
    this.setting(text, line);
    this.ending(text, line, elapsedNs);
  }

  private active(text: string, line: number, elapsedNs: number | undefined): void {
    const match = NEW.exec(text.trimEnd());
    const [transferred, total, rate] = match?.slice(1, 4).map(sizeBytes) ?? [];
    const dirty = match?.[4] === undefined ? 0 : sizeBytes(match[4]);
    if (
      transferred === undefined ||
      total === undefined ||
      rate === undefined ||
      dirty === undefined
    ) {
      return this.source.bad(line, "the progress cannot be read, or is cut off");
    }
    this.draft.memoryBytes ??= { value: total, line };
    this.sample({
      line,
      status: "active",
      ...(elapsedNs !== undefined && { elapsedNs }),
      transferredBytes: transferred,
      ...(rate > 0 && { bandwidthBytesPerSec: rate }),
      ...(dirty > 0 && { dirtyPagesPerSec: dirty / this.draft.pageBytes }),
    });
  }

  private oldActive(text: string, line: number, elapsedNs: number | undefined): void {
    const [transferredBytes, remainingBytes, total] =
      OLD.exec(text)?.slice(1).map(wholeNumber) ?? [];
    if (transferredBytes === undefined || remainingBytes === undefined || total === undefined) {
      return this.source.bad(line, "the progress cannot be read, or is cut off");
    }
    this.draft.memoryBytes ??= { value: total, line };
    this.sample({
      line,
      status: "active",
      ...(elapsedNs !== undefined && { elapsedNs }),
      transferredBytes,
      remainingBytes,
    });
  }

  private sample(sample: ObservedSample): void {
    const before = this.draft.samples.at(-1)?.transferredBytes ?? 0;
    if ((sample.transferredBytes as number) < before) {
      const problem = "less is transferred than before: give one log for each migration";
      return this.source.bad(sample.line, problem);
    }
    this.draft.samples.push(sample);
    this.draft.totals.sentBytes = { value: sample.transferredBytes as number, line: sample.line };
  }

  private setting(text: string, line: number): void {
    const { settings, downtime } = this.draft;
    const limit = /migration downtime limit: (\d+) ms/.exec(text);
    const raised = /auto-increased downtime to continue migration: (\d+)(?:\.\d+)? ms/.exec(text);
    const limitNs = nsOfMs(wholeNumber((raised ?? limit)?.[1]));
    if (limitNs !== undefined) settings.downtimeLimitNs = { value: limitNs, line };
    if (raised !== null && limitNs !== undefined) {
      const ms = raised[1];
      settings.techniques.push({ value: `downtime limit raised to ${ms} ms`, line });
    }
    const speed = /migration speed limit: (\S+(?: [KMGT]i?B)?)(?: B)?\/s/.exec(text);
    const perSec = sizeBytes(speed?.[1]) ?? wholeNumber(/limit: (\d+) B\/s/.exec(text)?.[1]);
    if (perSec !== undefined && perSec > 0) settings.bandwidthBytesPerSec = { value: perSec, line };
    const cache = /migration cachesize: (\S+ \S+)/.exec(text);
    const cacheBytes = sizeBytes(cache?.[1]);
    if (cacheBytes !== undefined) settings.xbzrleCacheBytes = { value: cacheBytes, line };
    if (/xbzrle: send updates to \d+ pages/.test(text) && !this.has("xbzrle")) {
      settings.techniques.push({ value: "xbzrle", line });
    }
    const realNs = nsOfMs(
      wholeNumber(/migration speed: .{1,40} - downtime (\d+) ms/.exec(text)?.[1]),
    );
    if (realNs !== undefined) downtime.realNs = { value: realNs, line };
    const guest = /starting migration of VM (\d+) to node '([^']{1,80})'/.exec(text);
    if (guest !== null) this.draft.guest = { value: `VM ${guest[1]} to ${guest[2]}`, line };
  }

  private ending(text: string, line: number, elapsedNs: number | undefined): void {
    const { draft } = this;
    const sent = sizeBytes(/migration completed, transferred (.{1,20}?) VM-state/.exec(text)?.[1]);
    if (sent !== undefined) draft.totals.sentBytes = { value: sent, line };
    if (/migration status: completed/.test(text)) {
      draft.outcome = { value: "completed", line };
      if (elapsedNs !== undefined) draft.totals.totalNs = { value: elapsedNs, line };
    }
    const failure = /ERROR: (.*)$|migration status error: (.*)$|(migration aborted.*)$/.exec(text);
    if (failure === null || draft.outcome.value === "completed") return;
    const reason = (failure[1] ?? failure[2] ?? failure[3] ?? "").trim().slice(0, 200);
    const cancelled = /interrupted|cancel/.test(reason);
    draft.outcome = { value: cancelled ? "cancelled" : "failed", line };
    draft.stopReason ??= { value: reason, line };
  }

  private has(technique: string): boolean {
    return this.draft.settings.techniques.some(({ value }) => value === technique);
  }

  private elapsed(atSec: number | undefined): number | undefined {
    if (atSec === undefined || this.startSec === undefined || atSec < this.startSec)
      return undefined;
    return Math.round((atSec - this.startSec) * 1e9);
  }
}
