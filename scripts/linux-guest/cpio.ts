/**
 * Archives in cpio's "newc" format, which Linux unpacks as its initial file system
 * (Documentation/driver-api/early-userspace/buffer-format.rst): for each file a header of 110 ASCII
 * characters, its name and its contents, each padded to four bytes; at the end "TRAILER!!!".
 */
export interface CpioEntry {
  /** Without a leading slash; folders come before what is in them. */
  readonly path: string;
  /** Type and permissions, as in st_mode. */
  readonly mode: number;
  readonly contents?: Uint8Array;
}

export const FOLDER = 0o040755;
export const PROGRAM = 0o100755;

const TRAILER: CpioEntry = { path: "TRAILER!!!", mode: 0 };

/** Owner root, no times: the same entries give the same bytes. */
export function cpioArchive(entries: readonly CpioEntry[]): Uint8Array {
  const parts = [...entries, TRAILER].flatMap((entry, i) => entryParts(entry, i + 1));
  return new Uint8Array(Buffer.concat(parts));
}

function entryParts({ path, mode, contents = new Uint8Array() }: CpioEntry, inode: number) {
  const name = Buffer.from(`${path}\0`);
  const links = mode === FOLDER ? 2 : 1;
  // inode, mode, owner, group, links, time, size, device twice, special device twice, name, check
  const fields = [inode, mode, 0, 0, links, 0, contents.length, 0, 0, 0, 0, name.length, 0];
  const header = fields.map((field) => field.toString(16).padStart(8, "0")).join("");
  const head = Buffer.concat([Buffer.from(`070701${header}`), name]);
  return [head, padding(head.length), Buffer.from(contents), padding(contents.length)];
}

function padding(length: number): Buffer {
  return Buffer.alloc(-length & 3);
}
