/**
 * A guest's serial output in pieces that are worth printing: whole lines, or what has stood for a
 * moment without an end, as a prompt does. What the guest sends does not drive the terminal.
 */

/** A prompt is seen no later than this. */
const FLUSH_MS = 20;
const CHARS_MAX = 4096;

export class SerialText {
  private text = "";
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly print: (text: string) => void) {}

  /** A byte, as a character. */
  put(character: string): void {
    this.text += character;
    if (character === "\n" || this.text.length >= CHARS_MAX) return this.flush();
    this.timer ??= setTimeout(() => this.flush(), FLUSH_MS);
  }

  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { text } = this;
    this.text = "";
    if (text !== "") this.print(text);
  }
}

/** Without control characters but newline and tab: no escape sequences. */
export function printable(text: string): string {
  return text.replace(/[^\n\t\x20-\x7e\u00a0-\u00ff]/g, "");
}
