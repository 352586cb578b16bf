/**
 * Proxmox VE: migrate_downtime (seconds) and migrate_speed (MB/s, 0 = none) of the guest's own
 * configuration, bwlimit (KiB/s) of datacenter.cfg. Auto-converge and XBZRLE are switched on by
 * Proxmox itself (set_migration_caps of qemu-server); post-copy and compression it has not.
 */
import type { Commands } from "./command.js";
import { shellLine } from "./command.js";

const MIB = 2 ** 20;

export const proxmox: Commands = ({ bandwidthMibPerSec, manager, downtimeLimitMs }, { guest }) => {
  const vmid = guest ?? "VMID";
  const own = manager?.factory.name === "proxmox" ? manager.params.downtime : undefined;
  const limitMs = typeof own === "number" ? own / 1e6 : downtimeLimitMs;
  const lines: string[] = [];
  if (limitMs !== undefined) {
    lines.push(shellLine(["qm", "set", vmid, "--migrate_downtime", limitMs / 1000]));
  }
  if (bandwidthMibPerSec !== undefined) {
    const megabytes = Math.ceil((bandwidthMibPerSec * MIB) / 1e6);
    lines.push(shellLine(["qm", "set", vmid, "--migrate_speed", megabytes]));
  }
  lines.push(shellLine(["qm", "migrate", vmid, "TARGET", "--online"]));
  if (bandwidthMibPerSec === undefined) return [{ title: "on the source", lines }];
  const kibPerSec = bandwidthMibPerSec * 1024;
  return [
    { title: "on the source", lines },
    {
      title: "in /etc/pve/datacenter.cfg, if it has a lower limit",
      lines: [`bwlimit: migration=${kibPerSec}`],
    },
  ];
};
