/**
 * libvirt's virsh. Names and units of tools/virsh-domain.c: --bandwidth and migrate-setspeed in
 * MiB/s, migrate-setmaxdowntime in ms, --comp-xbzrle-cache in bytes, --timeout in s. Recalled, not
 * verified: that zlib and zstd of --comp-methods want --parallel.
 */
import type { CommandBlock, Commands } from "./command.js";
import { shellLine } from "./command.js";
import { isDefaultThrottle, type ToolSettings } from "./settings.js";

export const virsh: Commands = (settings, { guest = "DOMAIN" }) => {
  const { downtimeLimitMs, postCopy, manager } = settings;
  const blocks: CommandBlock[] = [
    {
      title: "on the source",
      lines: [
        shellLine([
          ...["virsh", "migrate", "--live", "--p2p", "--verbose"],
          ...migrateOptions(settings),
          ...["--domain", guest, "--desturi", "qemu+ssh://TARGET/system"],
        ]),
      ],
    },
  ];
  if (downtimeLimitMs !== undefined) {
    blocks.push({
      title: "from a second shell, as soon as it runs",
      lines: [shellLine(["virsh", "migrate-setmaxdowntime", guest, downtimeLimitMs])],
    });
  }
  if (postCopy === "after-precopy" && manager !== undefined) {
    blocks.push({
      title: "when the first pass is over (virsh domjobinfo: iteration 2)",
      lines: [shellLine(["virsh", "migrate-postcopy", guest])],
    });
  }
  return blocks;
};

function migrateOptions(settings: ToolSettings): (string | number)[] {
  const { bandwidthMibPerSec, autoConverge, xbzrleCacheBytes, compression } = settings;
  const words: (string | number)[] = [];
  if (bandwidthMibPerSec !== undefined) words.push("--bandwidth", bandwidthMibPerSec);
  if (autoConverge !== undefined) {
    words.push("--auto-converge");
    if (!isDefaultThrottle(autoConverge)) {
      words.push("--auto-converge-initial", autoConverge.initialPercent);
      words.push("--auto-converge-increment", autoConverge.incrementPercent);
    }
  }
  if (xbzrleCacheBytes !== undefined) {
    words.push("--compressed", "--comp-methods", "xbzrle");
    words.push("--comp-xbzrle-cache", xbzrleCacheBytes);
  }
  if (compression !== undefined) words.push("--compressed", "--comp-methods", compression);
  if (settings.channels !== undefined) {
    words.push("--parallel", "--parallel-connections", settings.channels);
  }
  return [...words, ...endOptions(settings)];
}

function endOptions({ postCopy, manager }: ToolSettings): (string | number)[] {
  const words: (string | number)[] = [];
  if (postCopy !== undefined) words.push("--postcopy");
  if (postCopy === "after-precopy") words.push("--postcopy-after-precopy");
  if (manager?.factory.name !== "libvirt") return words;
  words.push("--timeout", Math.ceil((manager.params.timeout as number) / 1e9));
  words.push(manager.params.action === "postcopy" ? "--timeout-postcopy" : "--timeout-suspend");
  return words;
}
