// AUTHENTICATE. RFC 3501 §6.2.2, with an initial response (RFC 4959). The mechanisms are in actors/session/sasl.

import { Buffer } from 'node:buffer'
import { WaitsForPipeline, command } from '../command.ts'
import type { Credentials, ImapSession } from '../command.ts'
import { mechanisms } from '../capabilities.ts'
import { mustBePrivate, saltOf } from '../login.ts'
import { Bad, No } from '../result.ts'
import type { Mechanism, SaslExchange } from '../../sasl/mechanism.ts'
import type { AuthAnswer } from '../../../auth-messages.ts'

/** base64 → bytes; `=` stands for nothing (RFC 4959 §3), `*` gives up (RFC 3501 §6.2.2). */
function decode(text: string): Uint8Array {
  if (text === '*') throw new Bad('Authentication aborted by client.')
  if (text === '=') return new Uint8Array(0)
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw new Bad('Invalid base64 data in continued response.')
  return Buffer.from(text, 'base64')
}

/** Runs the exchange with the client to its end. */
async function credentials(mechanism: Mechanism, initial: string | undefined, s: ImapSession): Promise<Credentials> {
  const exchange = mechanism.start(s.effects.random)
  let step = exchange.next(initial === undefined ? undefined : decode(initial))
  while (true) {
    if (step.kind === 'error') throw new Bad(`${step.reason}.`)
    if (step.kind === 'credentials') {
      const { kind: _, ...shown } = step
      return { mechanism: mechanism.name, ...shown, conclude: (answer) => conclude(exchange, answer, s) }
    }
    step = step.kind === 'salt'
      ? exchange.salted!(await saltOf(s.world, step, mechanism.name))
      : exchange.next(await challenged(step.bytes, s))
  }
}

/** The client's response to a challenge. */
async function challenged(bytes: Uint8Array, s: ImapSession): Promise<Uint8Array> {
  s.write(`+ ${Buffer.from(bytes).toString('base64')}\r\n`)
  return decode(Buffer.from(await s.nextLine()).toString('latin1'))
}

/** A client that has been refused may say anything, `*` included: it is refused. */
async function conclude(exchange: SaslExchange, answer: AuthAnswer, s: ImapSession): Promise<void> {
  const bytes = exchange.conclude?.(answer)
  if (bytes === undefined) return
  try {
    await challenged(bytes, s)
  } catch (error) {
    if (answer.status === 'ok' || !(error instanceof Bad)) throw error
  }
}

export default command({
  name: 'AUTHENTICATE', capability: 'SASL-IR', states: ['notauthenticated'], flags: WaitsForPipeline,
  parse: (p) => ({ name: p.sp().word('a mechanism'), initial: p.take(' ') ? p.atom('base64') : undefined }),
  log: ({ name }) => name,
  async run({ name, initial }, s) {
    const mechanism = mechanisms(s.settings, s.world.seed).find((m) => m.name === name)
    if (mechanism === undefined) throw new No('', 'Unsupported authentication mechanism.')
    mustBePrivate(s, name)
    return s.login(await credentials(mechanism, initial, s))
  },
})
