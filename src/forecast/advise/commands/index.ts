/** Lines to paste for the tools that move guests, a module each under the tool's name. */
import { PrecopyError } from "../../../base/errors.js";
import type { ForecastInput } from "../../forecast.js";
import type { ForecastSettings } from "../../forecast-settings.js";
import { cloudHypervisor } from "./cloud-hypervisor.js";
import { type CommandBlock, type Commands, checkGuestName, type GuestName } from "./command.js";
import { kubevirt } from "./kubevirt.js";
import { nova } from "./nova.js";
import { proxmox } from "./proxmox.js";
import { qmp } from "./qmp.js";
import { toolSettings } from "./settings.js";
import { virsh } from "./virsh.js";
import { xl } from "./xl.js";

export { type CommandBlock, checkGuestName, type GuestName } from "./command.js";

const TOOLS = {
  virsh,
  qmp,
  kubevirt,
  nova,
  proxmox,
  xl,
  "cloud-hypervisor": cloudHypervisor,
} as const satisfies Record<string, Commands>;

export type Tool = keyof typeof TOOLS;
export const TOOL_NAMES = Object.keys(TOOLS) as readonly Tool[];

/** @throws PrecopyError for a tool that is none of ours. */
export function toolNamed(name: string): Tool {
  if (Object.hasOwn(TOOLS, name)) return name as Tool;
  throw new PrecopyError(
    "unknown-name",
    `there is no tool "${name}": choose from ${TOOL_NAMES.join(", ")}`,
  );
}

/** The one that the strategy's manager or hypervisor is driven with. */
export function defaultTool({ manager, preset }: ForecastSettings): Tool {
  const owner = manager?.factory.name;
  if (owner === "kubevirt" || owner === "nova" || owner === "proxmox") return owner;
  if (owner !== undefined) return "virsh";
  if (preset.name === "cloud-hypervisor") return "cloud-hypervisor";
  return preset.loop === "slots" ? "qmp" : "xl";
}

/** What of QEMU a tool cannot be told. */
const LACKS: Readonly<Partial<Record<Tool, readonly (keyof typeof WORDS)[]>>> = {
  kubevirt: ["xbzrleCacheBytes", "compression"],
  nova: ["xbzrleCacheBytes", "compression"],
  proxmox: ["compression", "postCopy"],
  xl: ["downtimeLimitMs", "bandwidthMibPerSec", "autoConverge", "xbzrleCacheBytes", "compression"],
  "cloud-hypervisor": ["bandwidthMibPerSec", "autoConverge", "xbzrleCacheBytes", "compression"],
};

const WORDS = {
  downtimeLimitMs: "a downtime limit",
  bandwidthMibPerSec: "a bandwidth limit",
  autoConverge: "auto-converge",
  xbzrleCacheBytes: "XBZRLE",
  compression: "compression",
  postCopy: "post-copy",
} as const;

/** What an input asks for that the tool has no setting for. */
export function lacking(tool: Tool, input: ForecastInput): readonly string[] {
  const settings = toolSettings(input);
  const lacks = LACKS[tool] ?? [];
  const words: string[] = lacks.filter((key) => settings[key] !== undefined).map((k) => WORDS[k]);
  const isTuned = settings.manager?.params.ramp ?? settings.manager?.params["stall-detector"];
  const isLimited = settings.downtimeLimitMs !== undefined;
  if (tool === "kubevirt" && isLimited && isTuned !== true) words.push(WORDS.downtimeLimitMs);
  return words;
}

/** What to paste so that the tool does what the input forecasts. */
export function commandsFor(
  tool: Tool,
  input: ForecastInput,
  name: GuestName = {},
): readonly CommandBlock[] {
  if (name.guest !== undefined) checkGuestName(name.guest);
  return TOOLS[tool](toolSettings(input), name);
}
