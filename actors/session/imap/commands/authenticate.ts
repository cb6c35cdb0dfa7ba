// AUTHENTICATE. RFC 3501 §6.2.2, with an initial response (RFC 4959). The mechanisms are in actors/session/sasl.

import { Buffer } from 'node:buffer'
import { WaitsForPipeline, command } from '../command.ts'
import type { Credentials, ImapSession } from '../command.ts'
import { mechanisms } from '../capabilities.ts'
import { mustBePrivate } from '../login.ts'
import { Bad, No } from '../result.ts'
import type { Mechanism } from '../../sasl/mechanism.ts'

/** base64 → bytes; `=` stands for nothing (RFC 4959 §3), `*` gives up (RFC 3501 §6.2.2). */
function decode(text: string): Uint8Array {
  if (text === '*') throw new Bad('Authentication aborted by client.')
  if (text === '=') return new Uint8Array(0)
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw new Bad('Invalid base64 data in continued response.')
  return Buffer.from(text, 'base64')
}

/** Runs the exchange with the client to its end. */
async function credentials(mechanism: Mechanism, initial: string | undefined, s: ImapSession): Promise<Credentials> {
  const exchange = mechanism.start()
  let response = initial === undefined ? undefined : decode(initial)
  while (true) {
    const step = exchange.next(response)
    if (step.kind === 'error') throw new Bad(`${step.reason}.`)
    if (step.kind === 'credentials') {
      const { kind: _, ...shown } = step
      return { mechanism: mechanism.name, ...shown }
    }
    s.write(`+ ${Buffer.from(step.bytes).toString('base64')}\r\n`)
    response = decode(Buffer.from(await s.nextLine()).toString('latin1'))
  }
}

export default command({
  name: 'AUTHENTICATE', capability: 'SASL-IR', states: ['notauthenticated'], flags: WaitsForPipeline,
  parse: (p) => ({ name: p.sp().word('a mechanism'), initial: p.take(' ') ? p.atom('base64') : undefined }),
  log: ({ name }) => name,
  async run({ name, initial }, s) {
    const mechanism = mechanisms(s.settings).find((m) => m.name === name)
    if (mechanism === undefined) throw new No('', 'Unsupported authentication mechanism.')
    mustBePrivate(s.world, name)
    return s.login(await credentials(mechanism, initial, s))
  },
})
