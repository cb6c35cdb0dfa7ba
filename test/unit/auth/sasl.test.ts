import fc from 'fast-check'
import t from 'tap'
import { all } from '../../../actors/session/sasl/index.ts'
import type { Mechanism, SaslStep } from '../../../actors/session/sasl/mechanism.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const named = (name: string): Mechanism => {
  const found = all.find((mechanism) => mechanism.name === name)
  if (found === undefined) throw new Error(`no mechanism ${name}`)
  return found
}
/** Feeds the responses to a fresh exchange and gives its last step. */
function run(name: string, ...responses: (Uint8Array | undefined)[]): SaslStep {
  const exchange = named(name).start({ bytes: (count) => new Uint8Array(count), below: () => 0 })
  let step: SaslStep = { kind: 'error', reason: 'nothing was sent' }
  for (const response of responses) step = exchange.next(response)
  return step
}
const challenge = (step: SaslStep): string | undefined =>
  step.kind === 'challenge' ? new TextDecoder().decode(step.bytes) : undefined

t.test('PLAIN with an initial response', async (t) => {
  t.same(run('PLAIN', bytes('\0tim\0tanstaaftanstaaf')), { kind: 'credentials', username: 'tim', password: 'tanstaaftanstaaf' }, 'RFC 4616 §4, first example')
  t.same(run('PLAIN', bytes('Ursel\0Kurt\0xipj3plmq')), { kind: 'credentials', username: 'Kurt', password: 'xipj3plmq', authzid: 'Ursel' }, 'with another authorization identity')
  t.same(run('PLAIN', bytes('a\0a\0b')), { kind: 'credentials', username: 'a', password: 'b' }, 'an equal authorization identity says nothing')
  t.same(run('PLAIN', bytes('\0Grüße\0pässwörd')), { kind: 'credentials', username: 'Grüße', password: 'pässwörd' })
  t.same(run('PLAIN', bytes('\0a\0')), { kind: 'credentials', username: 'a', password: '' }, 'an empty password is for auth to refuse')
})

t.test('PLAIN without an initial response gets an empty challenge first', async (t) => {
  t.equal(challenge(run('PLAIN', undefined)), '')
  t.match(run('PLAIN', undefined, bytes('\0a\0b')), { kind: 'credentials', username: 'a' })
})

t.test('PLAIN refuses broken messages', async (t) => {
  const broken = [bytes(''), bytes('abc'), bytes('\0abc'), bytes('\0\0pw'), bytes('\0a\0b\0'), Uint8Array.of(0, 0xff, 0, 0x61),
    bytes(`\0${'u'.repeat(1025)}\0p`), bytes(`\0u\0${'p'.repeat(1025)}`)]
  for (const message of broken) t.equal(run('PLAIN', message).kind, 'error', JSON.stringify(new TextDecoder().decode(message.subarray(0, 20))))
  t.equal(run('PLAIN', bytes(`\0u\0${'p'.repeat(1024)}`)).kind, 'credentials', 'the limit itself fits')
})

t.test('LOGIN asks twice', async (t) => {
  t.equal(challenge(run('LOGIN', undefined)), 'Username:')
  t.equal(challenge(run('LOGIN', bytes(''))), 'Username:', 'an empty initial response is none')
  t.equal(challenge(run('LOGIN', undefined, bytes('tim'))), 'Password:')
  t.same(run('LOGIN', undefined, bytes('tim'), bytes('pw')), { kind: 'credentials', username: 'tim', password: 'pw' })
  t.same(run('LOGIN', bytes('tim'), bytes('')), { kind: 'credentials', username: 'tim', password: '' }, 'user name as initial response')
})

t.test('LOGIN refuses broken responses', async (t) => {
  t.equal(run('LOGIN', undefined, bytes('')).kind, 'error')
  t.equal(run('LOGIN', undefined, bytes('a\0b')).kind, 'error')
  t.equal(run('LOGIN', bytes('a'), bytes('a\0b')).kind, 'error')
  t.equal(run('LOGIN', bytes('a'), Uint8Array.of(0xc3)).kind, 'error')
})

t.test('whatever is sent, a mechanism answers', async (t) => {
  const pieces = fc.array(fc.oneof(fc.constantFrom('n,', 'y,', 'p=x,', ',', 'n=', 'a=', 'r=', 'c=biws', 'p=', 'm=', '=2C', '=', '\u0001', 'auth=', 'Bearer ', 'user=', '\0', 'x'), fc.string({ maxLength: 5 })), { maxLength: 12 })
  const message = fc.oneof(pieces.map((parts) => bytes(parts.join(''))), fc.uint8Array({ maxLength: 60 }))
  fc.assert(fc.property(fc.constantFrom(...all), fc.array(fc.option(message, { nil: undefined }), { minLength: 1, maxLength: 4 }), ({ name, start }, messages) => {
    const exchange = start({ bytes: (count) => new Uint8Array(count), below: () => 0 })
    for (const sent of messages) {
      let step = exchange.next(sent)
      if (step.kind === 'salt') step = exchange.salted!({ salt: 'AAAA', iterations: 4096 })
      if (step.kind === 'credentials') return step.username !== '' || name === 'EXTERNAL'
      if (step.kind === 'error') return step.reason !== ''
    }
    return true
  }), { numRuns: 2000 })
  t.pass()
})
