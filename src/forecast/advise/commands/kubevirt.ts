/**
 * KubeVirt: a MigrationPolicy for what it has (allowAutoConverge, allowPostCopy,
 * allowWorkloadDisruption, bandwidthPerMigration, completionTimeoutPerGiB), and the KubeVirt
 * resource's migrationConfiguration for the rest (progressTimeout; maxDowntimeMs, alpha). Field names
 * verified in the API's types and the admitters. Recalled, not verified: that a VM's instance carries
 * the label vm.kubevirt.io/name for the policy's selector to match.
 */
import type { CommandBlock, Commands } from "./command.js";
import { yamlText } from "./command.js";
import type { ToolSettings } from "./settings.js";

/** Defaults of KubeVirt 1.x. */
const COMPLETION_TIMEOUT = 150;
const PROGRESS_TIMEOUT = 150;

export const kubevirt: Commands = (settings, { guest = "VM" }) => {
  const [name = guest, namespace] = guest.split("/").reverse();
  const blocks: CommandBlock[] = [];
  const spec = policySpec(settings);
  if (spec.length > 0) {
    blocks.push({ title: "kubectl apply -f - <<'EOF'", lines: policy(name, namespace, spec) });
  }
  const config = clusterConfig(settings);
  if (config.length > 0) {
    blocks.push({
      title: "in the KubeVirt resource, for all guests (kubectl edit kubevirt -n kubevirt)",
      lines: ["spec:", "  configuration:", "    migrationConfiguration:", ...config],
    });
  }
  return blocks;
};

function policySpec({ autoConverge, bandwidthMibPerSec, manager }: ToolSettings): string[] {
  const lines: string[] = [];
  if (autoConverge !== undefined) lines.push("  allowAutoConverge: true");
  if (bandwidthMibPerSec !== undefined) {
    lines.push(`  bandwidthPerMigration: ${yamlText(`${bandwidthMibPerSec}Mi`)}`);
  }
  const own = manager?.factory.name === "kubevirt" ? manager.params : {};
  const timeout = own["completion-timeout"] ?? COMPLETION_TIMEOUT;
  if (timeout !== COMPLETION_TIMEOUT) lines.push(`  completionTimeoutPerGiB: ${timeout}`);
  if (own["post-copy"] === true) lines.push("  allowPostCopy: true");
  if (own["post-copy"] === true || own["workload-disruption"] === true) {
    lines.push("  allowWorkloadDisruption: true");
  }
  return lines;
}

function policy(name: string, namespace: string | undefined, spec: readonly string[]): string[] {
  const selectors = [
    "  selectors:",
    ...(namespace === undefined
      ? []
      : ["    namespaceSelector:", `      kubernetes.io/metadata.name: ${yamlText(namespace)}`]),
    "    virtualMachineInstanceSelector:",
    `      vm.kubevirt.io/name: ${yamlText(name)}`,
  ];
  return [
    "apiVersion: migrations.kubevirt.io/v1alpha1",
    "kind: MigrationPolicy",
    "metadata:",
    `  name: ${yamlText(`move-${resourceName(name)}`)}`,
    "spec:",
    ...spec,
    ...selectors,
  ];
}

/** RFC 1123: what the name of a resource may be made of. */
function resourceName(name: string): string {
  const plain = name.toLowerCase().replace(/[^a-z0-9-]+/g, "-");
  return plain.replace(/^-+/, "").slice(0, 48).replace(/-+$/, "") || "guest";
}

function clusterConfig({ manager, downtimeLimitMs }: ToolSettings): string[] {
  const own = manager?.factory.name === "kubevirt" ? manager.params : {};
  const lines: string[] = [];
  const progress = own["progress-timeout"] ?? PROGRESS_TIMEOUT;
  if (progress !== PROGRESS_TIMEOUT) lines.push(`      progressTimeout: ${progress}`);
  const isTuned = own.ramp === true || own["stall-detector"] === true;
  if (isTuned && downtimeLimitMs !== undefined) {
    const gate =
      own.ramp === true ? "the downtime ramp of VEP 291" : "the stall detector of VEP 248";
    lines.push(`      maxDowntimeMs: ${downtimeLimitMs} # alpha: with ${gate} switched on`);
  }
  return lines;
}
