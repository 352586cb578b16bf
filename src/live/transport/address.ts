/** Where to listen or connect, as people write it: HOST:PORT, [IPV6]:PORT or :PORT. */
import { PrecopyError } from "../../base/errors.js";

export interface Address {
  /** A name, an IPv4 address, or an IPv6 address without brackets. */
  readonly host: string;
  /** 0 .. 65535; 0 lets the system choose where it listens. */
  readonly port: number;
}

/** An empty host: this machine alone. All interfaces must be asked for: 0.0.0.0 or [::]. */
const DEFAULT_HOST = "127.0.0.1";
const PORT_MAX = 65_535;
const HOST_CHARS_MAX = 253;

/** "10.0.0.2:4444", "[::1]:4444", "name:4444", ":4444" (127.0.0.1). Throws `bad-input` otherwise. */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([^\s:/[\]@]*)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  if (match === null || host === undefined) {
    const hint = /^[0-9A-Fa-f]*:[0-9A-Fa-f:]*:/.test(text) ? ", an IPv6 address in brackets" : "";
    throw new PrecopyError(
      "bad-input",
      `"${text}" is not an address${hint}: write HOST:PORT, as in 10.0.0.2:4444 or [::1]:4444`,
    );
  }
  const port = Number(match[3]);
  if (port > PORT_MAX) {
    throw new PrecopyError(
      "bad-input",
      `port ${match[3]} in "${text}" is past ${PORT_MAX}: write a port from 0 to ${PORT_MAX}`,
    );
  }
  if (host.length > HOST_CHARS_MAX) {
    throw new PrecopyError(
      "bad-input",
      `the host in the address has ${host.length} characters; at most ${HOST_CHARS_MAX} make a name`,
    );
  }
  return { host: host === "" ? DEFAULT_HOST : host, port };
}

/** The way back: an IPv6 address in brackets. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
