/**
 * Debian's packages for the Linux guest, fetched by apt into folders of our own: no root, and
 * nothing of the machine's own apt is changed. Release files are checked by Debian's keyring.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PrecopyError } from "../../src/base/errors.js";

/** Linux 6.1, the last release of Debian with a 32-bit kernel (bookworm). */
const SUITE = "bookworm";
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
/** Depends on the newest kernel without PAE, which v86 boots. */
const KERNEL = "linux-image-686";
/** The rest is what sqlite3 needs: its libraries, and theirs. */
const PACKAGES = [
  ...["busybox-static", "seabios", "sqlite3", "libsqlite3-0", "libreadline8", "libtinfo6"],
  ...["zlib1g", "libc6"],
];

/** What a guest's release may take, so that a broken mirror does not keep us for ever. */
const LIMIT_MS = 300_000;

/** Versions by package name; all packages are unpacked into `root`. */
export function fetchPackages(folder: string, root: string): Record<string, string> {
  const apt = new OwnApt(folder);
  apt.update();
  const kernel = apt.kernelPackage();
  apt.download([kernel, ...PACKAGES]);
  const versions: Record<string, string> = {};
  for (const file of readdirSync(apt.archives)
    .filter((name) => name.endsWith(".deb"))
    .sort()) {
    const path = join(apt.archives, file);
    const fields = run("dpkg-deb", ["-f", path, "Package", "Version"]);
    const [, name, version] = /^Package: (.*)\nVersion: (.*)$/m.exec(fields) as RegExpExecArray;
    versions[name as string] = version as string;
    run("dpkg-deb", ["-x", path, root]);
  }
  return versions;
}

class OwnApt {
  readonly archives: string;
  private readonly config: string;

  constructor(folder: string) {
    const state = join(folder, "state");
    this.archives = join(folder, "archives");
    rmSync(this.archives, { recursive: true, force: true });
    mkdirSync(join(state, "lists/partial"), { recursive: true });
    mkdirSync(join(folder, "cache/archives/partial"), { recursive: true });
    mkdirSync(this.archives);
    const path = (name: string) => JSON.stringify(join(folder, name));
    writeFileSync(join(folder, "debian.sources"), sources());
    writeFileSync(join(state, "status"), "");
    this.config = join(folder, "apt.conf");
    const lines = [
      `Dir::State ${path("state")};`,
      `Dir::State::status ${path("state/status")};`,
      `Dir::Cache ${path("cache")};`,
      `Dir::Etc::sourcelist ${path("debian.sources")};`,
      'Dir::Etc::sourceparts "-";',
      'APT::Architecture "i386";',
      "#clear APT::Architectures;",
      'APT::Architectures { "i386"; };',
      // As root apt would hand the work to a user who may not write here.
      'APT::Sandbox::User "";',
      'Acquire::Languages "none";',
      'Acquire::Retries "3";',
    ];
    writeFileSync(this.config, `${lines.join("\n")}\n`);
  }

  update(): void {
    this.run("apt-get", ["-q", "update", "-o", "APT::Update::Error-Mode=any"]);
  }

  /** The name changes with each ABI, as in linux-image-6.1.0-50-686. */
  kernelPackage(): string {
    const depends = this.run("apt-cache", ["depends", "--important", KERNEL]);
    const found = /Depends: (linux-image-[0-9a-z.-]+-686)$/m.exec(depends);
    if (found === null) {
      throw new PrecopyError("unsupported", `Debian's ${KERNEL} names no kernel: ${depends}`);
    }
    return found[1] as string;
  }

  download(packages: readonly string[]): void {
    this.run("apt-get", ["-q", "download", ...packages], this.archives);
  }

  private run(tool: string, args: readonly string[], cwd?: string): string {
    return run(tool, args, { env: { ...process.env, APT_CONFIG: this.config }, cwd });
  }
}

/** The mirror that this machine uses for Debian; the central one where it names none. */
function sources(): string {
  const lines = ["/etc/apt/sources.list", ...filesIn("/etc/apt/sources.list.d")].flatMap(readLines);
  const uses = lines.filter((line) => /^(deb\s|URIs:)/.test(line)).join(" ");
  const mirror = /\bhttps?:\/\/\S+\/debian\/?(?=\s|$)/.exec(uses)?.[0];
  return [
    "Types: deb",
    `URIs: ${mirror ?? "http://deb.debian.org/debian"}`,
    `Suites: ${SUITE}`,
    "Components: main",
    `Signed-By: ${KEYRING}`,
    "",
  ].join("\n");
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => join(folder, name));
  } catch {
    return [];
  }
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\n");
  } catch {
    return [];
  }
}

/** A tool's output; what it complains of becomes the error. */
export function run(
  tool: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string | undefined } = {},
): string {
  try {
    return execFileSync(tool, args, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      timeout: LIMIT_MS,
      maxBuffer: 64 * 2 ** 20,
      ...options,
    });
  } catch (error) {
    const { code, stderr, stdout, message } = error as Error & Record<string, unknown>;
    if (code === "ENOENT") {
      throw new PrecopyError("unsupported", `There is no ${tool} here: the Linux guest needs it.`);
    }
    const text = `${stderr ?? ""}${stdout ?? ""}`.trim() || message;
    throw new PrecopyError("unsupported", `${tool} ${args[0] ?? ""} failed: ${text}`);
  }
}
