/** vMotion as Nelson et al. and VMware tell it: stun during page send ends every pre-copy. */
import { describe, expect, it } from "vitest";
import { simulate } from "../../src/model/simulation.js";
import { DEFAULT_COSTS } from "../../src/model/spec.js";
import { small, uniform } from "../support/specs.js";

const PAGES = 16_384;

/** Writes each of its pages six times a second; the link takes 0.57 s to carry them once. */
function faster(strategy: string, pages = PAGES) {
  const activity = uniform(pages, 100_000);
  return small({ pages, activity, strategy, costs: { attachDevicesNs: 7e6, announceNs: 3e6 } });
}

describe("pre-copy+sdps@vmotion", () => {
  it("makes progress on a guest that writes faster than the link carries", async () => {
    const [plain] = (await simulate(faster("pre-copy@vmotion"))).migrations;
    const [stunned] = (await simulate(faster("pre-copy+sdps@vmotion"))).migrations;
    // All 64 MiB are written again in each round: no forward progress, and a pause for all of it.
    expect(plain!.stopReason).toBe("no-progress");
    expect(plain!.stopPages).toBeGreaterThan(0.9 * PAGES);
    expect(stunned!.outcome).toBe("target-runs");
    // Few enough are 16 MiB, 4,096 pages.
    expect(stunned!.stopReason).toBe("dirty-count");
    expect(stunned!.stopPages).toBeLessThanOrEqual(4096 + 1024);
    expect(stunned!.downtimeNs).toBeLessThan(plain!.downtimeNs / 2);
    expect(stunned!.guestSlowdown).toBeGreaterThan(plain!.guestSlowdown);
  });

  it("hands devices and address over in the stage that follows the switch", async () => {
    const [moved] = (await simulate(faster("pre-copy+sdps@vmotion", 4096))).migrations;
    const { stagesNs, clientOutageNs, blackoutNs } = moved!;
    expect(clientOutageNs - blackoutNs).toBe(7e6 + 3e6);
    expect(stagesNs.activation).toBeGreaterThan(7e6 + 3e6 + DEFAULT_COSTS.unpauseNs);
  });
});
