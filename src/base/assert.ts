/**
 * Assertions find our own bugs and stay on in release. What a user can get wrong is a
 * {@link PrecopyError} (errors.ts), never an assertion.
 */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** Throws {@link AssertionError} unless `condition` holds. The message says what should have held. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** For the default branch of a switch over a union: a new member that is not handled fails to compile. */
export function unreachable(value: never): never {
  throw new AssertionError(`unhandled case ${JSON.stringify(value)}`);
}
