/** What a QEMU is set to, as the name of a strategy: pre-copy+auto-converge@qemu72:max-bandwidth=… */
import type { QemuSettings } from "./qemu-settings.js";

export interface SetQemu {
  /** Before 8 the loop is that of 7.2. */
  readonly major: number;
  readonly settings: QemuSettings;
  /** Capabilities that are on. */
  readonly caps: ReadonlySet<string>;
  /** `migrate-start-postcopy` comes when the log has been read so often. */
  readonly postCopyAfterSyncs?: number;
}

const MIB = 2 ** 20;

export function qemuStrategy({ major, settings, caps, postCopyAfterSyncs }: SetQemu): string {
  const isNew = major >= 8;
  const words: string[] = [];
  words.push(
    postCopyAfterSyncs === undefined
      ? "pre-copy"
      : `hybrid:rounds=${Math.max(1, postCopyAfterSyncs - 1)}`,
  );
  if (caps.has("auto-converge")) {
    const { initialPercent, incrementPercent, maxPercent, triggerPercent, tailslow } =
      settings.throttle;
    const throttle = [
      `version=${isNew ? "10.2" : "7.2"}`,
      `initial=${initialPercent}`,
      `increment=${incrementPercent}`,
      `max=${maxPercent}`,
      `threshold=${triggerPercent}`,
      ...(tailslow === true ? ["tailslow"] : []),
    ];
    words.push(`auto-converge:${throttle.join(",")}`);
  }
  if (caps.has("xbzrle")) words.push(`xbzrle:cache=${Math.max(MIB, settings.xbzrleCacheBytes)}B`);
  if (caps.has("multifd")) {
    const codec = { none: undefined, zlib: "deflate", zstd: "zstd" }[settings.multifdCompression];
    if (codec !== undefined) words.push(codec);
    words.push(`multifd:channels=${settings.multifdChannels}`);
  }
  const limit = Math.round(Math.min(settings.maxBandwidthBytesPerSec, Number.MAX_SAFE_INTEGER));
  return `${words.join("+")}@${isNew ? "qemu102" : "qemu72"}:max-bandwidth=${limit}B/s`;
}
