// `npm test`: runs every test file in a process of its own and ends with `N passed, N failed, N skipped`.
//
//   node test/run.ts              everything
//   node test/run.ts --fast       what needs no other program and ends in a minute
//   node test/run.ts imap quota   only files whose path contains one of the words
//
// Files of the quick kinds run side by side; those that start servers or measure run alone, so that they do not disturb
// each other. A file that dies, hangs or counts nothing has failed. What Node has compiled is kept for the next file: most of them load the
// same modules.

import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '..')
const compiled = process.env.NODE_COMPILE_CACHE ?? path.join(root, 'node_modules/.cache/compiled')

/** Kinds in the order in which they run. `jobs`: files at once; `minutes`: after which a file counts as hung. */
const kinds = [
  { folder: 'unit', jobs: os.availableParallelism(), minutes: 2, fast: true },
  { folder: 'properties', jobs: os.availableParallelism(), minutes: 3, fast: true },
  { folder: 'fuzz', jobs: os.availableParallelism(), minutes: 3, fast: false },
  { folder: 'contract', jobs: 1, minutes: 5, fast: false },
  { folder: 'sim', jobs: 1, minutes: 5, fast: false },
  { folder: 'threads', jobs: 1, minutes: 4, fast: false },
  { folder: 'transcripts', jobs: 1, minutes: 5, fast: false },
  { folder: 'real', jobs: 1, minutes: 8, fast: false },
  { folder: 'bench', jobs: 1, minutes: 8, fast: false },
]

interface Counts { passed: number; failed: number; skipped: number }

/** The counts of a file's TAP: its last summary line counts every assertion in it. */
function countsOf(output: string): Counts | undefined {
  const summary = [...output.matchAll(/^# \{ (total: .*) \}$/gm)].at(-1)?.[1]
  if (summary === undefined) return undefined
  const value = (name: string): number => Number(new RegExp(`\\b${name}: (\\d+)`).exec(summary)?.[1] ?? 0)
  return { passed: value('pass'), failed: value('fail'), skipped: value('skip') + value('todo') }
}

/** The lines of TAP that tell of a failure, with their diagnostics. */
function failuresOf(output: string): string {
  const lines = output.split('\n')
  const shown: string[] = []
  for (let i = 0; i < lines.length; i++) {
    if (!/^\s*not ok /.test(lines[i]!)) continue
    shown.push(lines[i]!)
    for (let j = i + 1; j < lines.length && j < i + 40 && !/^\s*(not )?ok |^\s*\.\.\.$/.test(lines[j]!); j++) shown.push(lines[j]!)
  }
  return shown.length > 0 ? shown.join('\n') : lines.slice(-30).join('\n')
}

function runFile(file: string, minutes: number): Promise<Counts> {
  const started = performance.now()
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [file], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NODE_COMPILE_CACHE: compiled, TAP: '1', TAP_TIMEOUT: String(minutes * 60) } })
    let output = ''
    let errors = ''
    child.stdout.on('data', (bytes: Buffer) => { output += bytes.toString() })
    child.stderr.on('data', (bytes: Buffer) => { errors += bytes.toString() })
    const timer = setTimeout(() => child.kill('SIGKILL'), minutes * 60_000)
    child.once('exit', (code) => {
      clearTimeout(timer)
      const counts = countsOf(output) ?? { passed: 0, failed: 0, skipped: 0 }
      const empty = counts.passed + counts.failed + counts.skipped === 0
      // tap prints this and ends well, without the test.
      const lost = /^Error: cannot create subtest after parent test ends/m.test(output)
      if ((code !== 0 && counts.failed === 0) || empty || lost) counts.failed++
      const seconds = ((performance.now() - started) / 1000).toFixed(1)
      console.log(`${counts.failed === 0 ? 'ok    ' : 'FAILED'} ${file}  ${counts.passed} passed${counts.failed > 0 ? `, ${counts.failed} failed` : ''}${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''}  ${seconds} s`)
      if (counts.failed > 0) console.log(`${failuresOf(output)}\n${errors.slice(-4000)}`)
      else for (const line of output.matchAll(/^\s*# (figure: .*)$/gm)) console.log(`         ${line[1]}`)
      for (const line of output.matchAll(/^\s*(?:ok .*# SKIP.*)$/gm)) console.log(`         ${line[0].trim()}`)
      resolve(counts)
    })
  })
}

async function runAll(files: string[], jobs: number, minutes: number, total: Counts): Promise<void> {
  const waiting = [...files]
  const one = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const counts = await runFile(file, minutes)
      total.passed += counts.passed
      total.failed += counts.failed
      total.skipped += counts.skipped
    }
  }
  await Promise.all(Array.from({ length: jobs }, one))
}

const words = process.argv.slice(2).filter((argument) => !argument.startsWith('-'))
const fast = process.argv.includes('--fast')
const total: Counts = { passed: 0, failed: 0, skipped: 0 }
for (const { folder, jobs, minutes, fast: quick } of kinds) {
  if (fast && !quick) continue
  const directory = path.join(root, 'test', folder)
  if (!fs.existsSync(directory)) continue
  const files = fs.readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => path.join('test', folder, file))
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
    .sort()
  await runAll(files, jobs, minutes, total)
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exitCode = total.failed > 0 ? 1 : 0
