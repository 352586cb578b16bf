/** Names of strategies, edited: what is not changed stays, and the result is a name again. */
import { describe, expect, it } from "vitest";
import {
  hasTechnique,
  withParams,
  withStrategy,
  withTechnique,
} from "../../../src/forecast/advise/strategy-edit.js";
import { forecastSettings } from "../../../src/forecast/forecast-settings.js";

const NAME = "pre-copy+kubevirt:post-copy,completion-timeout=9@qemu102:max-bandwidth=1Gbit/s";

describe("a strategy's name", () => {
  it("gets parameters in place of those that it has", () => {
    const changed = withParams(NAME, "kubevirt", { "completion-timeout": "20", ramp: true });
    const { manager } = forecastSettings(changed);
    expect(manager?.params).toMatchObject({
      "post-copy": true,
      "completion-timeout": 20,
      ramp: true,
    });
    expect(changed).toContain("@qemu102:max-bandwidth=1Gbit/s");
    expect(withParams(changed, "kubevirt", { "post-copy": undefined })).not.toContain("post-copy");
    expect(withParams("pre-copy@qemu102", "qemu102", { "max-bandwidth": "5MiB/s" })).toBe(
      "pre-copy@qemu102:max-bandwidth=5MiB/s",
    );
  });

  it("does not take one parameter for another that begins alike", () => {
    const name = "pre-copy+nova:timeout-action=force-complete@qemu102";
    const changed = withParams(name, "nova", { timeout: "5" });
    expect(changed).toBe("pre-copy+nova:timeout-action=force-complete,timeout=5@qemu102");
  });

  it("gets techniques, before another where that has to be last", () => {
    expect(withTechnique("pre-copy+multifd@qemu102", "zstd", "multifd")).toBe(
      "pre-copy+zstd+multifd@qemu102",
    );
    expect(withTechnique("pre-copy@qemu102", "xbzrle:cache=64MiB")).toBe(
      "pre-copy+xbzrle:cache=64MiB@qemu102",
    );
    expect(hasTechnique(NAME, "kubevirt")).toBe(true);
    expect(hasTechnique(NAME, "qemu102")).toBe(false);
  });

  it("gets another strategy alone", () => {
    expect(withStrategy("pre-copy+auto-converge@qemu72", "hybrid:rounds=1")).toBe(
      "hybrid:rounds=1+auto-converge@qemu72",
    );
  });
});
