// Sorting much in small steps, so that nobody else is kept waiting.

/** Sorted at once, and merged between two steps. */
const run = 512

/**
 * The numbers 0 … count-1 in the order of `compare`, equal ones ascending. Each step costs a few hundred comparisons;
 * between two of them the caller may do something else.
 */
export function* mergeSort(count: number, compare: (a: number, b: number) => number): Generator<undefined, Uint32Array> {
  const stable = (a: number, b: number): number => compare(a, b) || a - b
  let from = Uint32Array.from({ length: count }, (_, i) => i)
  for (let at = 0; at < count; at += run) {
    from.subarray(at, at + run).sort(stable)
    yield
  }
  let to = new Uint32Array(count)
  for (let width = run; width < count; width *= 2) {
    for (let start = 0; start < count; start += 2 * width) {
      const middle = Math.min(start + width, count)
      const end = Math.min(start + 2 * width, count)
      let left = start
      let right = middle
      for (let at = start; at < end; at++) {
        const takeLeft = right >= end || (left < middle && stable(from[left]!, from[right]!) < 0)
        to[at] = from[takeLeft ? left++ : right++]!
        if (at % run === 0) yield
      }
    }
    const sorted = to
    to = from
    from = sorted
  }
  return from
}
