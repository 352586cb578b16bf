import { afterAll, describe, expect, it } from "vitest";
import { precopy, temporaryFolder } from "./run-cli.js";

const folder = temporaryFolder();
afterAll(() => folder.remove());

const CASES = "test/fixtures/simgrid-cases.json";

/** 1 GB at 125 MB/s, half of it dirtied again: sums of a geometric series, by hand. */
const PARAMS = {
  n: 1,
  pairs: 1,
  bw: 125e6,
  lat: 0,
  speed: 1e9,
  ram: 1e9,
  intensity: 0.5,
  cap: 9e8,
  mig_speed: 125e6,
  load: 1,
  flops: 1e15,
};
const RESULT = {
  total_s: 15.984375,
  downtime_s: 0.015625,
  stop_copy_bytes: 1953125,
  precopy_rounds: 8,
  sent_bytes: 1998046875,
};

function fileWith(change: { params?: object; result?: object; more?: object; crashed?: boolean }) {
  const one = {
    name: "half",
    network_model: "CM02",
    crosstraffic: false,
    params: { ...PARAMS, ...change.params },
    result: { crashed: change.crashed ?? false, vms: { VM0: { ...RESULT, ...change.result } } },
    ...change.more,
  };
  return folder.file("cases.json", JSON.stringify({ cases: [one] }));
}

describe("precopy validate", () => {
  it("agrees with all of SimGrid's cases", async () => {
    const { code, out } = await precopy(["validate", CASES]);
    expect(out).toMatch(/^133 of 133 cases agree with SimGrid; worst error of the total time \d/);
    expect(out).toMatch(/^single +117 +117 /m);
    expect(out).toMatch(/^sharing +6 +6 /m);
    expect(code).toBe(0);
  });

  it("gives figures as JSON", async () => {
    const { code, out } = await precopy(["validate", CASES, "--json"]);
    const { cases, agree, classes, disagree } = JSON.parse(out);
    expect({ code, cases, agree, disagree }).toEqual({
      code: 0,
      cases: 133,
      agree: 133,
      disagree: [],
    });
    for (const { worstTotalError, tolerance } of classes) {
      expect(worstTotalError).toBeLessThanOrEqual(tolerance);
    }
  });

  it("ends with 3 and says what differs", async () => {
    const { code, out } = await precopy(["validate", fileWith({ result: { precopy_rounds: 9 } })]);
    expect(code).toBe(3);
    expect(out).toContain("0 of 1 cases agree");
    expect(out).toContain("half: VM0 rounds 8, SimGrid 9");
  });

  it("sees an error just outside the bound and passes one just inside", async () => {
    const off = async (factor: number) =>
      (await precopy(["validate", fileWith({ result: { total_s: 15.984375 * factor } })])).code;
    expect(await off(1 + 1.1e-8)).toBe(3);
    expect(await off(1 + 0.9e-8)).toBe(0);
  });

  it("leaves out what crashed in SimGrid, and has nothing to say of nothing", async () => {
    const { code, err } = await precopy(["validate", fileWith({ crashed: true })]);
    expect(code).toBe(2);
    expect(err).toContain("1 of 1 cases left out");
    expect(err).toContain("no case has a result");
  });

  it("stops what never converges and says so", async () => {
    const file = fileWith({ params: { intensity: 1, flops: 1e17 } });
    const { code, out } = await precopy(["validate", file]);
    expect(code).toBe(3);
    expect(out).toContain("not over after");
  });

  it.each([
    ["{", "is not JSON"],
    ["[]", "the file is []: give an object"],
    ['{"cases":{}}', "cases is not a list"],
    ['{"cases":[]}', "has 0 entries"],
    ['{"cases":[7]}', "cases[0] is 7: give an object"],
  ])("refuses %s", async (text, words) => {
    const { code, err } = await precopy(["validate", folder.file("bad.json", text)]);
    expect(err).toContain(words);
    expect(code).toBe(2);
  });

  it.each([
    [{ params: { bw: 0 } }, "cases[0].params.bw is 0: give a number above 0"],
    [{ params: { bw: -1 } }, "cases[0].params.bw"],
    [{ params: { bw: null } }, "cases[0].params.bw is null"],
    [{ params: { speed: 0 } }, "cases[0].params.speed"],
    [{ params: { ram: 0 } }, "cases[0].params.ram"],
    [{ params: { n: 1.5 } }, "cases[0].params.n"],
    [{ params: { n: 2, pairs: 1, cores: 1 } }, "cases[0].params.cores is 1 for 2 guests"],
    [{ params: { n: 2, pairs: 1 } }, "names 1 guests, params.n says 2"],
    [{ params: { intensity: "NaN" } }, "cases[0].params.intensity"],
    [{ more: { network_model: "SMPI" } }, 'cases[0].network_model is "SMPI"'],
    [{ more: { crosstraffic: 1 } }, "cases[0].crosstraffic"],
    [{ result: { total_s: "long" } }, "cases[0].result.vms.VM0.total_s"],
  ])("refuses %j", async (change, words) => {
    const { code, err } = await precopy(["validate", fileWith(change)]);
    expect(err).toContain(words);
    expect(code).toBe(2);
  });

  it("names a file that is not there", async () => {
    const { code, err } = await precopy(["validate", "nowhere.json"]);
    expect(code).toBe(2);
    expect(err).toContain("nowhere.json");
  });
});
