/**
 * A plug-in that adds a preset with a stop rule of its own: pre-copy goes on as long as a round
 * sends at most nine tenths of what the round before it sent. Xen stops after five rounds whether
 * they help or not; this rule goes on while they do.
 *
 *     precopy run examples/seed.yaml -s pre-copy@until-steady --plugin examples/plugins/until-steady.mjs
 *
 * The interfaces are Preset (src/policy/preset.ts) and StopRule (src/policy/stop-rule.ts).
 */
const SHRINKS_TO = 0.9;
const ROUNDS_MAX = 100;
const SMALL_PAGES = 50;

const GO_ON = { action: "continue" };
const stop = (reason) => ({ action: "stop", reason });

export default function register(registry) {
  registry.addPreset({
    name: "until-steady",
    summary: "go on while every round is a tenth smaller than the one before",
    source: "an example",
    batchPages: 1024,
    order: "ascending",
    skipsRewritten: false,
    // What the rule stopped before goes straight into the pause.
    sendsLastSetLive: false,
    stream: { perPageBytes: 8, perBatchBytes: 24 },
    createStopRule: () => ({ beforeRound, afterRound: () => GO_ON }),
    // No rate limit but the link's.
    createBandwidth: () => ({
      limitBytesPerSec: Number.POSITIVE_INFINITY,
      stopLimitBytesPerSec: Number.POSITIVE_INFINITY,
      atMaximum: true,
      exceeded: false,
      afterRound() {},
    }),
  });
}

/** Asked before each round: `dirtyCount` is what it would send, `pagesSent` what the last one did. */
function beforeRound({ iteration, dirtyCount, pagesSent }) {
  if (dirtyCount < SMALL_PAGES) return stop("dirty-count");
  if (iteration > 0 && dirtyCount > pagesSent * SHRINKS_TO) return stop("no-progress");
  return iteration >= ROUNDS_MAX ? stop("max-iterations") : GO_ON;
}
