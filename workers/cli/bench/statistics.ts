// What a run has come to: how often each command was said and how long it took, what went wrong.

import { limits } from '../../../runtime/limits.ts'

/** error: an answer that contradicts what the client knows, or a refusal; stall: none in time; disconnect: an end not asked for; lost: a mail. */
export type ProblemKind = 'error' | 'stall' | 'disconnect' | 'lost'

export interface Problem {
  readonly kind: ProblemKind
  readonly text: string
  /** What client and server said last. */
  readonly said: readonly string[]
}

interface Command { count: number; refused: number; requests: number; maxMs: number; readonly ms: number[] }

export class Statistics {
  readonly #commands = new Map<string, Command>()
  /** The first ones; `count` counts all. */
  readonly problems: Problem[] = []
  readonly #counts = new Map<ProblemKind, number>()
  delivered = 0

  /** `requests`: to the object store, as the tagged reply says. */
  add(name: string, ms: number, requests: number, refused: boolean): void {
    let command = this.#commands.get(name)
    if (command === undefined) this.#commands.set(name, command = { count: 0, refused: 0, requests: 0, maxMs: 0, ms: [] })
    // Past the limit the newest replace the oldest.
    command.ms[command.count % limits.benchSamples] = ms
    command.count++
    command.requests += requests
    command.maxMs = Math.max(command.maxMs, ms)
    if (refused) command.refused++
  }

  problem(kind: ProblemKind, text: string, said: readonly string[]): void {
    this.#counts.set(kind, this.count(kind) + 1)
    if (this.problems.length < limits.benchProblems) this.problems.push({ kind, text, said: [...said] })
  }

  count(kind: ProblemKind): number { return this.#counts.get(kind) ?? 0 }

  get bad(): boolean { return this.#counts.size > 0 }

  commands(name: string): number { return this.#commands.get(name)?.count ?? 0 }

  /** A table of the commands, then the problems. */
  report(seconds: number): string {
    const cells = [['command', 'count', '/s', 'p50 ms', 'p99 ms', 'max ms', 'req/cmd', 'NO']]
    let total = 0
    for (const [name, { count, refused, requests, maxMs, ms }] of [...this.#commands].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const sorted = Float64Array.from(ms).sort()
      const at = (part: number): string => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!.toFixed(1)
      cells.push([name, String(count), (count / seconds).toFixed(1), at(0.5), at(0.99), maxMs.toFixed(1), (requests / count).toFixed(2), String(refused)])
      total += count
    }
    cells.push(['all', String(total), (total / seconds).toFixed(1), '', '', '', '', ''])
    const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)))
    const lines = cells.map((row) => row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  ').trimEnd())
    if (this.delivered > 0) lines.push(`${this.delivered} mails delivered by LMTP`)
    for (const { kind, text, said } of this.problems) lines.push('', `${kind}: ${text}`, ...said.map((line) => `    ${line}`))
    lines.push('', `errors ${this.count('error')}, stalls ${this.count('stall')}, disconnects ${this.count('disconnect')}, lost mails ${this.count('lost')}`)
    return lines.join('\n')
  }
}
