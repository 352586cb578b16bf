/**
 * OpenStack Nova: options of nova.conf, section [libvirt], names and units of nova/conf/libvirt.py
 * (downtime in ms, bandwidth in MiB/s, time-outs in seconds a GiB). They hold for all guests of a
 * compute host. Auto-converge is left out by Nova where post-copy is permitted.
 */
import type { Commands } from "./command.js";
import type { ToolSettings } from "./settings.js";

export const nova: Commands = (settings) => [
  {
    title: "in nova.conf of the source's compute host; restart nova-compute",
    lines: ["[libvirt]", ...options(settings).map(([name, value]) => `${name} = ${value}`)],
  },
];

function options(settings: ToolSettings): [string, string | number][] {
  const { autoConverge, bandwidthMibPerSec, manager } = settings;
  const own = manager?.factory.name === "nova" ? manager.params : {};
  const lines: [string, string | number][] = [];
  if (typeof own.downtime === "number") {
    lines.push(["live_migration_downtime", Math.max(100, Math.floor(own.downtime / 1e6))]);
    lines.push(["live_migration_downtime_steps", own.steps as number]);
    lines.push(["live_migration_downtime_delay", own.delay as number]);
    lines.push(["live_migration_completion_timeout", own.timeout as number]);
    const action = own["timeout-action"] === "abort" ? "abort" : "force_complete";
    lines.push(["live_migration_timeout_action", action]);
  }
  if (bandwidthMibPerSec !== undefined)
    lines.push(["live_migration_bandwidth", bandwidthMibPerSec]);
  if (own["post-copy"] === true || settings.postCopy !== undefined) {
    lines.push(["live_migration_permit_post_copy", "true"]);
  }
  if (autoConverge !== undefined) lines.push(["live_migration_permit_auto_converge", "true"]);
  return lines;
}
