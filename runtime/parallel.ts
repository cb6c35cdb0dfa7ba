// Several requests at once, but not too many.

/**
 * Runs `action` for each item, at most `width` at a time, and answers the results in the items' order. After the first
 * failure no more are begun, those under way are waited for, and the failure is thrown.
 */
export async function inParallel<Item, Result>(items: readonly Item[], width: number, action: (item: Item, index: number) => Promise<Result>): Promise<Result[]> {
  if (items.length === 1) return [await action(items[0]!, 0)]
  const results: Result[] = new Array(items.length)
  let next = 0
  let failure: { error: unknown } | undefined
  const lane = async (): Promise<void> => {
    while (next < items.length && failure === undefined) {
      const index = next++
      try {
        results[index] = await action(items[index]!, index)
      } catch (error) {
        failure ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(Math.max(1, width), items.length) }, lane))
  if (failure !== undefined) throw failure.error
  return results
}
