/** Domain-0 works for what a migration sends, on both hosts: they are told when its rate changes. */
import type { XenHost } from "./xen-host.js";

export class Dom0Load {
  private rate = 0;

  constructor(
    private readonly source: XenHost,
    private readonly target: XenHost,
  ) {}

  /** Payload bytes a second that leave from now on. */
  follow(bytesPerSec: number, nowNs: number): void {
    if (bytesPerSec === this.rate) return;
    this.rate = bytesPerSec;
    const { source, target } = this;
    source.advanceTo(nowNs);
    target.advanceTo(nowNs);
    source.setMigrationRate(this, bytesPerSec);
    target.setMigrationRate(this, bytesPerSec);
  }

  end(): void {
    this.source.setMigrationRate(this, 0);
    this.target.setMigrationRate(this, 0);
  }
}
