// Work on a sequence, some of it begun ahead, its results in order.

/**
 * Begins `work` for each input, at most `count` (at least one) at a time and no more of them than `mayBegin` lets; yields the results in
 * the inputs' order. A failure is thrown in its place. Work begun is let finish when the consumer leaves early.
 */
export async function* ahead<Input, Result>(
  inputs: Iterator<Input>, count: number, work: (input: Input) => Promise<Result>, mayBegin: () => boolean = () => true,
): AsyncGenerator<Result> {
  const begun: Promise<{ result: Result } | { error: unknown }>[] = []
  const fill = (): void => {
    while (begun.length === 0 || (begun.length < count && mayBegin())) {
      const next = inputs.next()
      if (next.done) return
      begun.push(work(next.value).then((result) => ({ result }), (error: unknown) => ({ error })))
    }
  }
  for (fill(); begun.length > 0; fill()) {
    const settled = await begun[0]!
    begun.shift()
    if ('error' in settled) throw settled.error
    yield settled.result
  }
}
