// The rules of the house that a machine can hold: which folder may import which, who may touch the world, which words a name
// may not have, how long a file may be. `node test/lint.ts` prints each breach as file:line and exits 1.

import fs from 'node:fs'
import path from 'node:path'
import { staleIndexes } from './indexes.ts'

const root = path.resolve(import.meta.dirname, '..')

/** What each place may import of ours, most particular place first. Paths are prefixes; 'own' is the place itself. */
const mayImport: [place: string, allowed: string[]][] = [
  ['runtime/', ['runtime/']],
  ['conf/', ['conf/', 'runtime/errors.ts', 'runtime/limits.ts']],
  ['actors/mail/', ['actors/mail/', 'runtime/errors.ts', 'runtime/limits.ts']],
  ['actors/sieve/', ['actors/sieve/', 'actors/mail/', 'runtime/errors.ts', 'runtime/limits.ts']],
  ['actors/user/', ['actors/user/', 'actors/mail/', 'actors/sieve/', 'runtime/', 'conf/']],
  ['actors/session/', ['actors/session/', 'actors/mail/', 'actors/user/types.ts', 'actors/user/errors.ts', 'actors/auth-messages.ts', 'actors/anvil-messages.ts', 'actors/master-messages.ts', 'actors/metacache-messages.ts', 'runtime/', 'conf/']],
  ['actors/', ['actors/', 'runtime/', 'conf/']],
  ['workers/', ['workers/', 'actors/', 'runtime/', 'conf/']],
  ['test/', ['']],
]

/** Node modules that do no I/O: allowed everywhere. */
const pureModules = new Set(['node:buffer', 'node:crypto'])
/** Modules of which one file may take what is pure. */
const pureHere: Readonly<Record<string, readonly string[]>> = { 'runtime/crc32.ts': ['node:zlib'] }
/** conf/ reads its own files. */
const configModules = new Set([...pureModules, 'node:fs', 'node:path', 'node:os'])

const isWorld = (file: string): boolean => file.startsWith('workers/') || file.startsWith('test/') || /^runtime\/real-[a-z-]+\.ts$/.test(file)

const bannedCalls = /(?<![.\w#])(Date\.now\(|new Date\(\)|Math\.random\(|setTimeout\(|setInterval\(|setImmediate\(|(?<![.\w])process\.|performance\.now\(|randomBytes\(|randomUUID\(|fetch\()/
const bannedNames = /(^|[-/])(utils?|helpers?|manager|handler|service|misc|common)s?\.ts$/
const longestFile = 400

interface Breach { file: string; line: number; text: string }

/** Source without comments and string contents, so that words in prose are no breach; line numbers stay. */
function codeOf(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g, (piece) =>
    piece.startsWith('/') ? piece.replace(/[^\n]/g, ' ') : piece[0]! + ' '.repeat(piece.length - 2) + piece[0]!)
}

function* importBreaches(file: string, source: string): Generator<Breach> {
  const allowed = mayImport.find(([place]) => file.startsWith(place))?.[1] ?? []
  for (const match of source.matchAll(/^(?:import '|(?:import|export)\b[^'"\n]* from '|\} from ')([^'\n]+)'/gm)) {
    const target = match[1]!
    const line = source.slice(0, match.index).split('\n').length
    if (target.startsWith('.')) {
      const imported = path.posix.join(path.posix.dirname(file), target)
      if (!allowed.some((prefix) => imported.startsWith(prefix))) yield { file, line, text: `may not import ${imported}` }
      if (!target.endsWith('.ts') && !target.endsWith('.json')) yield { file, line, text: `import ${target} without .ts` }
    } else if (!isWorld(file)) {
      const modules = file.startsWith('conf/') ? configModules : pureModules
      if (!modules.has(target) && !pureHere[file]?.includes(target)) yield { file, line, text: `may not import ${target}: the world is reached through Effects` }
    }
  }
}

function* callBreaches(file: string, source: string): Generator<Breach> {
  if (isWorld(file)) return
  for (const [index, line] of codeOf(source).split('\n').entries()) {
    const match = bannedCalls.exec(line)
    if (match !== null && !(file.startsWith('conf/') && match[1] === 'process.')) yield { file, line: index + 1, text: `${match[1]} is reached through Effects` }
  }
}

function* shapeBreaches(file: string, source: string): Generator<Breach> {
  // `service` is a section of the configuration, and has its table.
  if (bannedNames.test(file) && file !== 'conf/settings/service.ts') yield { file, line: 1, text: 'a name that says nothing' }
  if (!/^[a-z0-9.-]+\.ts$/.test(path.basename(file))) yield { file, line: 1, text: 'file names are kebab-case' }
  const lines = source.split('\n').length
  if (lines > longestFile && !file.startsWith('test/')) yield { file, line: lines, text: `${lines} lines: look for the missing concept` }
  for (const [index, line] of source.split('\n').entries()) {
    if (/\b(TODO|FIXME|XXX)\b/.test(line) && file !== 'test/lint.ts') yield { file, line: index + 1, text: 'unfinished mark' }
  }
}

const sources = ['runtime', 'conf', 'actors', 'workers', 'test'].flatMap((folder) =>
  fs.readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `${folder}/${file.replaceAll(path.sep, '/')}`))

/** Everything that breaks a rule. */
export function breaches(): Breach[] {
  const found = sources.flatMap((file) => {
    const source = fs.readFileSync(path.join(root, file), 'utf8')
    return [...importBreaches(file, source), ...callBreaches(file, source), ...shapeBreaches(file, source)]
  })
  return [...found, ...staleIndexes().map(({ folder }) => ({ file: `${folder}/index.ts`, line: 1, text: 'not up to date: run node test/indexes.ts' }))]
}

if (import.meta.main) {
  const found = breaches()
  for (const { file, line, text } of found) console.error(`${file}:${line}: ${text}`)
  if (found.length > 0) process.exitCode = 1
}
