/**
 * A running 64-bit hash of what happened, for comparing two runs: two lanes of murmur3's 32-bit
 * mixing with different seeds. Not for security.
 */
export class RunningHash {
  private low = 0x9747b28c | 0;
  private high = 0x3c6ef372 | 0;

  /** Mixes in an integer up to 2^53 (both halves count) or any other number's nearest integer. */
  addNumber(value: number): void {
    const whole = Math.floor(value);
    this.mix(whole | 0);
    this.mix(Math.floor(whole / 0x1_0000_0000) | 0);
  }

  addText(text: string): void {
    this.mix(text.length);
    for (let i = 0; i < text.length; i++) this.mix(text.charCodeAt(i));
  }

  /** Sixteen hexadecimal digits. */
  digest(): string {
    return hex(finish(this.low)) + hex(finish(this.high));
  }

  private mix(word: number): void {
    let k = Math.imul(word, 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    k = Math.imul(k, 0x1b873593);
    this.low = step(this.low ^ k);
    this.high = step((this.high + Math.imul(k, 0x85ebca6b)) | 0);
  }
}

function step(h: number): number {
  const rotated = (h << 13) | (h >>> 19);
  return (Math.imul(rotated, 5) + 0xe6546b64) | 0;
}

function finish(h: number): number {
  let x = h;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

function hex(word: number): string {
  return word.toString(16).padStart(8, "0");
}
