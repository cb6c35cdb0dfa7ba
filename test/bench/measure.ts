// What a process costs, from /proc, and how a figure is said: `# figure: …` lines are what `npm test` shows of a bench.
// Absolute times mean nothing on a shared machine: figures are ratios within one run, counts, or bytes.

import fs from 'node:fs'

/** USER_HZ: fixed at 100 on every Linux that Node supports. */
const ticksPerSecond = 100

/** CPU seconds (user and system, all threads) a process has used so far. */
export function cpuSeconds(pid: number): number {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/** Resident bytes of a process. */
export function residentBytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(line?.[1] ?? 0) * 1024
}

/** How much of a processor this thread gets when it wants all of one: near 1 where nobody else wants it. */
export function processorShare(ms = 300): number {
  const before = process.cpuUsage()
  const began = performance.now()
  while (performance.now() - began < ms);
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 / (performance.now() - began)
}

/** Says a figure, so that it is seen in the test run. */
export const figure = (t: { comment(text: string): void }, text: string): void => t.comment(`figure: ${text}`)

export const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MB`

/** Samples a value every `everyMs` until `stop`; the largest seen. */
export class Peak {
  #peak = 0
  readonly #timer: NodeJS.Timeout
  readonly #sample: () => number

  constructor(sample: () => number, everyMs = 20) {
    this.#sample = sample
    this.#look()
    this.#timer = setInterval(() => this.#look(), everyMs)
  }

  stop(): number {
    clearInterval(this.#timer)
    this.#look()
    return this.#peak
  }

  #look(): void { this.#peak = Math.max(this.#peak, this.#sample()) }
}
