/** `precopy serve`: a target that takes real guests in, and runs them. */
import type { TlsOptions } from "node:tls";
import { Command, Option } from "commander";
import { PrecopyError } from "../../base/errors.js";
import type { Address } from "../../live/transport/address.js";
import { loadV86 } from "../../live/v86/v86-package.js";
import { parseTime } from "../flags.js";
import { Arrivals } from "../live/arrivals.js";
import { linuxFolder } from "../live/guest-plan.js";
import {
  addSecretOption,
  checkExposed,
  parseAddressFlag,
  parseSizeFlag,
  readBytes,
  readSecret,
  type SecretFlags,
} from "../live/link-flags.js";
import { receiveHere } from "../live/receiver.js";
import { receiveInThread } from "../live/receiver-thread.js";
import { ServeLog } from "../live/serve-log.js";
import { EXIT, Interrupted, type Session } from "../session.js";

interface ServeFlags extends SecretFlags {
  readonly listen: Address;
  readonly maxMemory: number;
  readonly insecure?: boolean;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly once?: boolean;
  readonly postCopy?: boolean;
  readonly runFor?: number;
  readonly saveState?: string;
  readonly serial?: boolean;
  readonly console?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  precopy serve --listen :4444                        on this machine alone
  precopy serve --listen :4444 --console              type at the guest that has come
  PRECOPY_SECRET=… precopy serve --listen 0.0.0.0:4444 --tls-cert cert.pem --tls-key key.pem
  precopy serve --listen :0 --once --run-for 10s --json      for programs: a line of JSON an event
`;

const MAX_MEMORY = new Option("--max-memory <size>", "of all guests together")
  .argParser(parseSizeFlag)
  .default(2 ** 30, "1GiB");

export function serveCommand(session: Session): Command {
  const command = new Command("serve")
    .description("take real x86 guests that precopy migrate brings, and run them here")
    .requiredOption(
      "--listen <host:port>",
      "address; no host: this machine alone",
      parseAddressFlag,
    )
    .addOption(MAX_MEMORY)
    .option("--insecure", "listen for other machines without a secret")
    .option("--tls-cert <file>", "certificate (PEM), with --tls-key")
    .option("--tls-key <file>", "its key (PEM)")
    .option(
      "--post-copy",
      "also guests whose pages follow them; takes twice their memory meanwhile",
    )
    .option("--once", "take one guest; end with 4 if it does not come")
    .option("--run-for <time>", "end when a guest has run here for so long", parseTime)
    .option("--save-state <file>", "keep the guest in a file when this ends")
    .option("--serial", "show what guests write on their serial ports")
    .option("--console", "type at the guest that came last, and see what it answers")
    .option("--json", "a line of JSON for each event");
  addSecretOption(command);
  return command
    .addHelpText("after", EXAMPLES)
    .action((flags: ServeFlags) => serve(session, flags));
}

async function serve(session: Session, flags: ServeFlags): Promise<void> {
  const { listen, maxMemory, insecure = false, once, runFor, json = false } = flags;
  const { postCopy = false } = flags;
  const secret = await readSecret(flags, session.io.env);
  checkExposed(listen, secret, insecure);
  const tls = await tlsOf(flags);
  const log = new ServeLog(session, json);
  const ending = new Ending();
  let taken = 0;
  const arrivals = new Arrivals({
    v86: await loadV86(),
    memoryBytesMax: maxMemory,
    postCopy,
    linuxFolder: linuxFolder(session.io.env),
    log,
    serial: flags.console === true && !json ? "raw" : serialOf(flags),
    running() {
      taken++;
      if (once) void receiver.stopListening();
      if (runFor !== undefined) setTimeout(() => ending.end(EXIT.ok), runFor / 1e6);
    },
    failed() {
      if (once && taken === 0) ending.end(EXIT.aborted);
    },
  });
  const options = { listen, tls, secret, memoryBytesMax: maxMemory };
  const receive = postCopy ? receiveInThread : receiveHere;
  const receiver = await receive(options, {
    create: (guest) => arrivals.create(guest),
    changed: (attempt) => arrivals.changed(attempt),
    followed: (machine, stalls) => arrivals.followed(machine, stalls),
    refused: (error) => log.refused(error.message),
    failed: (error) => ending.fail(error),
  });
  const { address } = receiver;
  const isTls = tls !== undefined;
  const hasSecret = secret !== undefined;
  log.listening({ address, isTls, hasSecret, memoryBytesMax: maxMemory });
  const release = [
    session.io.onInterrupt(() => interrupt(session, arrivals, flags, ending)),
    ...(flags.console === true ? [typing(session, arrivals)] : []),
  ];
  try {
    session.endWith(await ending.reached);
  } finally {
    await receiver.close("the target was ended");
    await arrivals.end(flags.saveState);
    for (const undo of release) undo();
  }
}

function serialOf({ serial, console }: ServeFlags): "lines" | "none" {
  return serial === true || console === true ? "lines" : "none";
}

async function tlsOf({ tlsCert, tlsKey }: ServeFlags): Promise<TlsOptions | undefined> {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new PrecopyError("bad-input", "TLS needs both: give --tls-cert and --tls-key");
  }
  const [cert, key] = await Promise.all([readBytes(tlsCert), readBytes(tlsKey)]);
  return { cert: Buffer.from(cert), key: Buffer.from(key) };
}

/** A guest that runs here and is not kept is lost with this program: that is asked twice. */
function interrupt(
  session: Session,
  { running }: Arrivals,
  { saveState }: ServeFlags,
  ending: Ending,
): void {
  const guest = running.at(-1);
  if (ending.warned || guest === undefined || saveState !== undefined) {
    return ending.fail(new Interrupted(interruptedText(running, saveState)));
  }
  ending.warned = true;
  session.note(`${guest.name} runs here and is lost when this ends: Ctrl-C again ends it`);
}

function interruptedText(running: Arrivals["running"], saveState: string | undefined): string {
  if (running.length === 0) return "interrupted; no guest runs here";
  const names = running.map(({ name }) => name).join(", ");
  return saveState === undefined
    ? `interrupted; ${names} ran here and is lost`
    : `interrupted; ${running.at(-1)?.name} is kept in ${saveState}`;
}

function typing({ io }: Session, { running }: Arrivals): () => void {
  const typed = io.onInput?.((text) => running.at(-1)?.machine.sendSerial(text));
  return typed ?? (() => {});
}

/** When and how it ends. */
class Ending {
  warned = false;
  readonly reached: Promise<number>;
  end: (code: number) => void = () => {};
  fail: (error: unknown) => void = () => {};

  constructor() {
    this.reached = new Promise((resolve, reject) => {
      this.end = resolve;
      this.fail = reject;
    });
  }
}
