/**
 * QEMU's monitor protocol: names and units of qapi/migration.json (max-bandwidth in bytes a second,
 * downtime-limit in ms, xbzrle-cache-size in bytes). A capability that both ends have to have is set
 * on the target before its migrate-incoming.
 */
import type { CommandBlock, Commands } from "./command.js";
import type { ToolSettings } from "./settings.js";

const MIB = 2 ** 20;

/** Both ends have to know of these. */
const SHARED = ["multifd", "postcopy-ram"];

export const qmp: Commands = (settings) => {
  const names = capabilities(settings);
  const shared = names.filter((name) => SHARED.includes(name));
  const multifd = multifdParameters(settings);
  const blocks: CommandBlock[] = [];
  if (shared.length > 0) {
    blocks.push({
      title: "to the target's monitor, before migrate-incoming",
      lines: [...setCapabilities(shared), ...setParameters(multifd)],
    });
  }
  blocks.push({
    title: "to the source's monitor",
    lines: [
      ...setCapabilities(names),
      ...setParameters({ ...parameters(settings), ...multifd }),
      line("migrate", { uri: "tcp:TARGET:4444" }),
    ],
  });
  if (settings.postCopy !== undefined) {
    blocks.push({
      title: "when query-migrate tells dirty-sync-count 2: the first pass is over",
      lines: [line("migrate-start-postcopy")],
    });
  }
  return blocks;
};

function capabilities(settings: ToolSettings): string[] {
  const names: string[] = [];
  if (settings.autoConverge !== undefined) names.push("auto-converge");
  if (settings.xbzrleCacheBytes !== undefined) names.push("xbzrle");
  if (settings.channels !== undefined) names.push("multifd");
  if (settings.postCopy !== undefined) names.push("postcopy-ram");
  return names;
}

type Parameters = Record<string, number | string>;

function parameters(settings: ToolSettings): Parameters {
  const { downtimeLimitMs, bandwidthMibPerSec, autoConverge, xbzrleCacheBytes } = settings;
  return {
    ...(downtimeLimitMs !== undefined && { "downtime-limit": downtimeLimitMs }),
    ...(bandwidthMibPerSec !== undefined && { "max-bandwidth": bandwidthMibPerSec * MIB }),
    ...(autoConverge && {
      "cpu-throttle-initial": autoConverge.initialPercent,
      "cpu-throttle-increment": autoConverge.incrementPercent,
    }),
    ...(xbzrleCacheBytes !== undefined && { "xbzrle-cache-size": xbzrleCacheBytes }),
  };
}

function multifdParameters({ channels, compression }: ToolSettings): Parameters {
  return {
    ...(channels !== undefined && { "multifd-channels": channels }),
    ...(compression !== undefined && { "multifd-compression": compression }),
  };
}

function setCapabilities(names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const list = names.map((capability) => ({ capability, state: true }));
  return [line("migrate-set-capabilities", { capabilities: list })];
}

function setParameters(values: Parameters): string[] {
  return Object.keys(values).length === 0 ? [] : [line("migrate-set-parameters", values)];
}

function line(execute: string, given?: object): string {
  return JSON.stringify(given === undefined ? { execute } : { execute, arguments: given });
}
