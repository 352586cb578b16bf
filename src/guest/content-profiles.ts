/**
 * What the pages of real guests hold: seven workloads on Linux 6.1 with 256 MiB, measured under QEMU
 * 7.2.22 (TCG) on 2026-11-22 by reading the stopped guests' memory after 0, 2, 2.25, 3.25 and 7.25 s
 * of guest run; they are the guests of the traces of the same names. And `incompressible`, for guests
 * of whose content nothing is known.
 *
 * Measured: zero pages and where they lie, copies and the largest group of equal pages, raw deflate (1,000 pages), deltas
 * in XBZRLE's format of the pages that differ between two stops, pages that became zero. Derived: how
 * often a page was written at each age and how many written pages did not differ, from the traces in
 * the same windows of guest time (for cc1 the window of 4 s fell in another phase in the trace: an
 * assumption). Assumed, not measured: 4 pages in a group of equal ones other than the largest. Redis
 * holds values of one constant string, so its pages compress, repeat and stay more than real data.
 */
import type { ContentProfileSpec, Quantiles } from "./content-profile.js";
import { ZERO_MAPS } from "./zero-maps.js";

const SOURCE = "measured on real Linux guests under QEMU 7.2, 2026-11-22";

/** Measured on 685 pages of a program, of Wasm and of text, for pages of all sizes together. */
const ZSTD_OVER_DEFLATE = 1.016;

/** At p10, p25, p50, p75, p90 and p99, as many as are given. */
function quantiles(...bytes: number[]): Quantiles {
  const shares = [0.1, 0.25, 0.5, 0.75, 0.9, 0.99];
  return bytes.map((value, i) => [shares[i] as number, value] as const);
}

/** Nothing is zero, equal, or compresses; every delta overflows. */
export const INCOMPRESSIBLE: ContentProfileSpec = {
  name: "incompressible",
  source: "by definition",
  zeroShare: 0,
  duplicates: { share: 0, largestShare: 0, groupPages: 4 },
  deflate: { level1Mean: 4096, level6Mean: 4096, level1: quantiles(4096) },
  zstdOverDeflate: 1,
  deltas: [],
  silentShare: 0,
  becameZeroShare: 0,
};

/** The measured guests. */
export const MEASURED_PROFILES: readonly ContentProfileSpec[] = [
  {
    name: "idle",
    source: SOURCE,
    zeroShare: 38556 / 65536,
    zeroMap: ZERO_MAPS.idle,
    duplicates: { share: 6658 / 26980, largestShare: 6262 / 26980, groupPages: 4 },
    deflate: { level1Mean: 1514, level6Mean: 1471, level1: quantiles(42, 116, 1096, 2651, 3486) },
    zstdOverDeflate: ZSTD_OVER_DEFLATE,
    deltas: [
      {
        ageMs: 1000,
        versions: 1.9,
        overflowShare: 0 / 23,
        meanBytes: 58,
        quantiles: quantiles(7, 11, 27, 79, 104, 282),
      },
      {
        ageMs: 4000,
        versions: 7.9,
        overflowShare: 0 / 43,
        meanBytes: 47,
        quantiles: quantiles(7, 11, 27, 75, 96, 259),
      },
    ],
    silentShare: 0.21,
    becameZeroShare: 0 / 112,
  },
  {
    name: "redis-paced",
    source: SOURCE,
    zeroShare: 31961 / 65536,
    zeroMap: ZERO_MAPS["redis-paced"],
    duplicates: { share: 11538 / 33575, largestShare: 3234 / 33575, groupPages: 4 },
    deflate: { level1Mean: 1577, level6Mean: 1540, level1: quantiles(448, 854, 1203, 2480, 3027) },
    zstdOverDeflate: ZSTD_OVER_DEFLATE,
    deltas: [
      {
        ageMs: 250,
        versions: 3.4,
        overflowShare: 1 / 432,
        meanBytes: 424,
        quantiles: quantiles(4, 7, 38, 240, 1792, 3892),
      },
      {
        ageMs: 1000,
        versions: 4.8,
        overflowShare: 5 / 1204,
        meanBytes: 1028,
        quantiles: quantiles(7, 10, 32, 2402, 3674, 4087),
      },
      {
        ageMs: 4000,
        versions: 11.8,
        overflowShare: 19 / 1547,
        meanBytes: 1328,
        quantiles: quantiles(13, 25, 93, 3228, 4015, 4096),
      },
    ],
    silentShare: 0.4,
    becameZeroShare: 214 / 4540,
  },
  {
    name: "redis",
    source: SOURCE,
    zeroShare: 29811 / 65536,
    zeroMap: ZERO_MAPS.redis,
    duplicates: { share: 13518 / 35725, largestShare: 3899 / 35725, groupPages: 4 },
    deflate: { level1Mean: 1573, level6Mean: 1539, level1: quantiles(462, 987, 1203, 2401, 3019) },
    zstdOverDeflate: ZSTD_OVER_DEFLATE,
    deltas: [
      {
        ageMs: 250,
        versions: 4.8,
        overflowShare: 0 / 967,
        meanBytes: 378,
        quantiles: quantiles(12, 26, 66, 94, 1350, 4043),
      },
      {
        ageMs: 1000,
        versions: 5.5,
        overflowShare: 9 / 1203,
        meanBytes: 1118,
        quantiles: quantiles(39, 124, 230, 1651, 4015, 4094),
      },
      {
        ageMs: 4000,
        versions: 7.6,
        overflowShare: 5 / 2442,
        meanBytes: 2441,
        quantiles: quantiles(185, 224, 4012, 4015, 4043, 4043),
      },
    ],
    silentShare: 0.75,
    becameZeroShare: 21 / 6168,
  },
  {
    name: "gzip",
    source: SOURCE,
    zeroShare: 35526 / 65536,
    zeroMap: ZERO_MAPS.gzip,
    duplicates: { share: 2844 / 30010, largestShare: 1506 / 30010, groupPages: 4 },
    deflate: { level1Mean: 2221, level6Mean: 2179, level1: quantiles(438, 809, 2470, 3497, 4096) },
    zstdOverDeflate: ZSTD_OVER_DEFLATE,
    deltas: [
      {
        ageMs: 250,
        versions: 14.2,
        overflowShare: 195 / 264,
        meanBytes: 3350,
        quantiles: quantiles(54, 4077, 4096, 4096, 4096, 4096),
      },
      {
        ageMs: 1000,
        versions: 22.3,
        overflowShare: 593 / 689,
        meanBytes: 3720,
        quantiles: quantiles(2818, 4096, 4096, 4096, 4096, 4096),
      },
      {
        ageMs: 4000,
        versions: 43.6,
        overflowShare: 1239 / 1414,
        meanBytes: 3664,
        quantiles: quantiles(1057, 4096, 4096, 4096, 4096, 4096),
      },
    ],
    silentShare: 0.09,
    becameZeroShare: 26 / 3357,
  },
  {
    name: "zipf",
    source: SOURCE,
    zeroShare: 18718 / 65536,
    zeroMap: ZERO_MAPS.zipf,
    duplicates: { share: 1856 / 46818, largestShare: 1506 / 46818, groupPages: 4 },
    deflate: { level1Mean: 3061, level6Mean: 3039, level1: quantiles(664, 2135, 4096, 4096, 4096) },
    zstdOverDeflate: ZSTD_OVER_DEFLATE,
    deltas: [
      {
        ageMs: 250,
        versions: 1.9,
        overflowShare: 0 / 690,
        meanBytes: 7,
        quantiles: quantiles(3, 3, 3, 3, 3, 82),
      },
      {
        ageMs: 1000,
        versions: 2.7,
        overflowShare: 0 / 2035,
        meanBytes: 4,
        quantiles: quantiles(3, 3, 3, 3, 3, 13),
      },
      {
        ageMs: 4000,
        versions: 4.1,
        overflowShare: 0 / 5290,
        meanBytes: 4,
        quantiles: quantiles(3, 3, 3, 3, 3, 4),
      },
    ],
    silentShare: 0,
    becameZeroShare: 0 / 11388,
  },
  {
    name: "hotcold",
    source: SOURCE,
    zeroShare: 18720 / 65536,
    zeroMap: ZERO_MAPS.hotcold,
    duplicates: { share: 1856 / 46816, largestShare: 1506 / 46816, groupPages: 4 },
    deflate: { level1Mean: 3061, level6Mean: 3039, level1: quantiles(653, 2135, 4096, 4096, 4096) },
    zstdOverDeflate: ZSTD_OVER_DEFLATE,
    deltas: [
      {
        ageMs: 250,
        versions: 1.9,
        overflowShare: 0 / 1269,
        meanBytes: 8,
        quantiles: quantiles(4, 4, 4, 8, 12, 36),
      },
      {
        ageMs: 1000,
        versions: 4.0,
        overflowShare: 0 / 2284,
        meanBytes: 15,
        quantiles: quantiles(4, 4, 12, 20, 27, 44),
      },
      {
        ageMs: 4000,
        versions: 8.3,
        overflowShare: 0 / 4409,
        meanBytes: 27,
        quantiles: quantiles(4, 4, 4, 59, 76, 97),
      },
    ],
    silentShare: 0.01,
    becameZeroShare: 0 / 10900,
  },
  {
    name: "cc1",
    source: SOURCE,
    zeroShare: 24071 / 65536,
    zeroMap: ZERO_MAPS.cc1,
    duplicates: { share: 8840 / 41465, largestShare: 8386 / 41465, groupPages: 4 },
    deflate: { level1Mean: 1468, level6Mean: 1420, level1: quantiles(42, 415, 1190, 2576, 2978) },
    zstdOverDeflate: ZSTD_OVER_DEFLATE,
    deltas: [
      {
        ageMs: 250,
        versions: 6.9,
        overflowShare: 33 / 570,
        meanBytes: 1076,
        quantiles: quantiles(21, 78, 579, 1865, 2974, 4096),
      },
      {
        ageMs: 1000,
        versions: 17,
        overflowShare: 63 / 1361,
        meanBytes: 1713,
        quantiles: quantiles(25, 171, 1603, 3094, 3551, 4096),
      },
      {
        ageMs: 4000,
        versions: 34,
        overflowShare: 5223 / 11037,
        meanBytes: 3233,
        quantiles: quantiles(1016, 2464, 4096, 4096, 4096, 4096),
      },
    ],
    silentShare: 0.19,
    becameZeroShare: 2533 / 15154,
  },
];

export const CONTENT_PROFILES: readonly ContentProfileSpec[] = [
  ...MEASURED_PROFILES,
  INCOMPRESSIBLE,
];
