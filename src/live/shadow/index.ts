/** An arriving guest in a thread of its own, which may run while pages are absent. */
export { type AwaitedPages, type AwaitingGuest, ShadowAgent } from "./shadow-agent.js";
export { ShadowMachine } from "./shadow-machine.js";
export type { FaultStalls } from "./shadow-messages.js";
