/** Options that both ends of a live migration have: address, secret, TLS; read and checked. */
import { readFile } from "node:fs/promises";
import { type Command, InvalidArgumentError } from "commander";
import { PrecopyError } from "../../base/errors.js";
import { parseRate, parseSize } from "../../base/units.js";
import { type Address, formatAddress, parseAddress } from "../../live/transport/address.js";
import { SECRET_BYTES_MIN } from "../../wire/handshake.js";
import { fileError } from "../files.js";
import { asArgument } from "../flags.js";

export interface SecretFlags {
  readonly secretFile?: string;
}

export function addSecretOption(command: Command): Command {
  return command.option(
    "--secret-file <file>",
    "what both ends have to know; or the environment's PRECOPY_SECRET",
  );
}

export function parseAddressFlag(text: string): Address {
  return asArgument(() => parseAddress(text));
}

export function parseSizeFlag(text: string): number {
  return asArgument(() => parseSize(text));
}

export function parseRateFlag(text: string): number {
  const rate = asArgument(() => parseRate(text));
  if (rate > 0) return rate;
  throw new InvalidArgumentError("Write a rate above 0, as in 200Mbit/s.");
}

/**
 * The secret of the file, without the end of its last line, or the environment's. Never an argument:
 * arguments are seen by everybody on the machine.
 */
export async function readSecret(
  { secretFile }: SecretFlags,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Uint8Array | undefined> {
  let secret: Uint8Array | undefined;
  if (secretFile !== undefined) {
    const text = await readBytes(secretFile);
    let end = text.length;
    while (end > 0 && (text[end - 1] === 0x0a || text[end - 1] === 0x0d)) end--;
    secret = text.subarray(0, end);
  } else if ((env.PRECOPY_SECRET ?? "") !== "") {
    secret = new TextEncoder().encode(env.PRECOPY_SECRET);
  }
  if (secret !== undefined && secret.length < SECRET_BYTES_MIN) {
    throw new PrecopyError(
      "bad-input",
      `the secret has ${secret.length} bytes and at least ${SECRET_BYTES_MIN} are needed: ` +
        "head -c 16 /dev/urandom | base64 makes one",
    );
  }
  return secret;
}

/** A file as it is; errors name it and the reason. */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    throw fileError(error, "read", path);
  }
}

/** Whoever reaches a target without a secret can push a guest into it. */
export function checkExposed(
  listen: Address,
  secret: Uint8Array | undefined,
  insecure: boolean,
): void {
  if (secret !== undefined || insecure || isLoopback(listen.host)) return;
  throw new PrecopyError(
    "bad-input",
    `${formatAddress(listen)} can be reached from other machines and there is no secret: give ` +
      "--secret-file, or --insecure where everybody who can connect may push guests here",
  );
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}
