// A promise of the design that the engine broke.

export class Violation extends Error {
  override readonly name = 'Violation'
}

/** Throws a Violation unless `condition` holds. */
export function promised(condition: boolean, broken: () => string): asserts condition {
  if (!condition) throw new Violation(broken())
}
