/** Colours as functions from text to text, so that reports know nothing of terminals. */
export interface Palette {
  bold(text: string): string;
  dim(text: string): string;
  /** Something held. */
  good(text: string): string;
  /** Something to look at. */
  warn(text: string): string;
  /** Something failed or was missed. */
  bad(text: string): string;
}

const same = (text: string): string => text;

/** No colour at all: files, pipes and NO_COLOR. */
export const PLAIN: Palette = { bold: same, dim: same, good: same, warn: same, bad: same };
