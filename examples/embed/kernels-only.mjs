/**
 * The kernels by themselves: a WSClock ring over the pages of a guest, fed with what a dirty log
 * shows, and page bitmaps that say what belongs to the working set. Nothing but this package is
 * needed, in Node or in a browser.
 *
 *     node examples/embed/kernels-only.mjs
 */
import { Kernels, PageBitmap, U32Buffer, WsClockRing } from "precopy/kernels";

const pages = 4096;
const tickUs = 200_000;

// All memory is taken once; each class tells what it needs.
const kernels = await Kernels.load({
  arenaBytes:
    WsClockRing.bytesFor(pages) + 3 * PageBitmap.bytesFor(pages) + U32Buffer.bytesFor(pages),
});
const ring = WsClockRing.create(kernels, pages, { tauTicks: 2 * tickUs });
const written = PageBitmap.create(kernels, pages, "written in this tick");
const workingSet = PageBitmap.create(kernels, pages, "working set");

// Ten clock interrupts: pages 0 to 99 are written before each, page 1000 + i only before tick i.
for (let tick = 1; tick <= 10; tick++) {
  written.reset();
  written.setRange(0, 100);
  written.set(1000 + tick);
  ring.referenced.or(written);
  ring.tick(tick * tickUs);
}

const nowUs = 10 * tickUs;
const inSet = ring.workingSet(nowUs, workingSet);
console.log(
  `${inSet} of ${pages} pages are in the working set of the last ${(2 * tickUs) / 1000} ms`,
);

// What a migration sends first is the rest. Page numbers come out in one call.
const rest = PageBitmap.create(kernels, pages, "sent first");
rest.fill();
rest.andNot(workingSet);
const list = U32Buffer.create(kernels, pages, "page numbers");
rest.toPages(list);
console.log(`${list.length} pages are sent first, from page ${list.at(0)} on`);
