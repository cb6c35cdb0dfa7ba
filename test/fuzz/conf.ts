// Generated configurations: the example ones with lines changed, left out, doubled and moved. Each loads, or is refused with a
// ConfigError that names file and line; nothing else is thrown, and nothing takes long.
//
//   node test/fuzz/conf.ts [--inputs 5000] [--seed 1]

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { loadConfig, settingsFor } from '../../conf/load.ts'
import { ConfigError } from '../../runtime/errors.ts'
import { SimRandom } from '../../runtime/sim/random.ts'

const root = path.resolve(import.meta.dirname, '../../conf')
const examples = ['standalone.conf', 'dovecot-backend.conf', 'imaptest.conf'].map((name) => fs.readFileSync(path.join(root, name), 'utf8'))
const words = ['{', '}', '=', '"', '\\', '#', '$', '$mail_home', '%u', '%{', '%{ldap:x}', '%2.3Mu', '%%', '<', '</nothere', '!include', '!include_try *', '!include self.conf', '\\\n', '\0', '\t', 'yes', 'no', '5 mins', '1G', '-1', '99999999999999999999',
  'protocol imap {\n', 'remote 10.0.0.0/8 {\n', 'local_name x {\n', 'plugin {\n', 'namespace x {\n', 'service imap {\n', 'passdb {\n', 'x'.repeat(5000), '\xff', 'obox_fs = fscache:1G:/x:compress:gz:6:s3:https://k:s@b.h/?a=b', 'mail_home = %{', 'protocols = $protocols imap']

function mutated(text: string, dice: SimRandom): string {
  const lines = text.split('\n')
  for (let i = 1 + dice.below(6); i > 0; i--) {
    const at = dice.below(lines.length)
    const line = lines[at]!
    const place = dice.below(line.length + 1)
    switch (dice.below(6)) {
      case 0: lines.splice(at, 1); break
      case 1: lines.splice(dice.below(lines.length), 0, line); break
      case 2: lines[at] = line.slice(0, place) + dice.pick(words) + line.slice(place); break
      case 3: lines[at] = line.slice(0, place) + String.fromCharCode(dice.below(256)) + line.slice(place + 1); break
      case 4: lines.splice(at, 0, dice.pick(words)); break
      default: lines[at] = line.slice(place) + line.slice(0, place)
    }
    if (lines.length === 0) lines.push('')
  }
  return lines.join('\n')
}

/** Throws at the first configuration that is not borne. How many loaded, and how many were refused. */
export function fuzzConf(inputs: number, seed: number): { loaded: number; refused: number } {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-fuzz-'))
  const file = path.join(directory, 'self.conf')
  const counted = { loaded: 0, refused: 0 }
  try {
    for (let n = seed; n < seed + inputs; n++) {
      const dice = new SimRandom(n, 'conf')
      fs.writeFileSync(file, mutated(dice.pick(examples), dice))
      const started = performance.now()
      try {
        settingsFor(loadConfig(file), { protocol: 'imap', remoteIp: '10.0.0.1' })
        counted.loaded++
      } catch (error) {
        if (!(error instanceof ConfigError) || error.message === '') throw new Error(`seed ${n}: ${error instanceof Error ? error.stack : String(error)}`)
        counted.refused++
      }
      if (performance.now() - started > 5000) throw new Error(`seed ${n}: took ${performance.now() - started} ms`)
    }
  } finally {
    fs.rmSync(directory, { recursive: true })
  }
  return counted
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { inputs: { type: 'string', default: '5000' }, seed: { type: 'string', default: '1' } } })
  console.log(`${JSON.stringify(fuzzConf(Number(values.inputs), Number(values.seed)))} of ${values.inputs} configurations: borne`)
}
