import { Buffer } from 'node:buffer'
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import type { AnyAuthAnswer, LoginRequest, SaltAnswer, ScramHash } from '../../../actors/auth-messages.ts'
import { all } from '../../../actors/session/sasl/index.ts'
import type { SaslStep } from '../../../actors/session/sasl/mechanism.ts'
import { parseVerifier, prove } from '../../../workers/password/scram.ts'
import { verifyPassword } from '../../../workers/password/verify.ts'
import { authDouble, passdb, userdb } from './double.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const shown = (step: SaslStep): string => (step.kind === 'challenge' ? Buffer.from(step.bytes).toString() : step.kind)
/** A random source whose base64 is `nonce`. */
const random = (nonce: string) => ({ bytes: () => Buffer.from(nonce, 'base64'), below: () => 0 })
const start = (name: string, nonce = 'AAAA') => all.find((mechanism) => mechanism.name === name)!.start(random(nonce))

/** A stored secret, computed apart from the server's code. */
function stored(hash: ScramHash, password: string, salt: string, iterations = 4096): string {
  const hmac = (key: Uint8Array, text: string) => createHmac(hash, key).update(text).digest()
  const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), iterations, hash === 'sha1' ? 20 : 32, hash)
  const storedKey = createHash(hash).update(hmac(salted, 'Client Key')).digest('base64')
  return `${iterations},${salt},${storedKey},${hmac(salted, 'Server Key').toString('base64')}`
}

t.test('the example of RFC 5802 §5', async (t) => {
  const exchange = start('SCRAM-SHA-1', '3rfcNHYJY1ZVvWVs7j==')
  t.same(exchange.next(bytes('n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL')), { kind: 'salt', hash: 'sha1', username: 'user' })
  const first = shown(exchange.salted!({ salt: 'QSXCR+Q6sek8bf92', iterations: 4096 }))
  // The nonce of the example is no base64: what the exchange makes of the random bytes is another one of the same length.
  const nonce = /^r=(fyko\+d2lbbFgONRv9qkxdawL[^,]+),s=QSXCR\+Q6sek8bf92,i=4096$/.exec(first)?.[1]
  t.ok(nonce)
  const step = exchange.next(bytes(`c=biws,r=${nonce},p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=`))
  t.match(step, { kind: 'credentials', username: 'user', proof: { message: `n=user,r=fyko+d2lbbFgONRv9qkxdawL,${first},c=biws,r=${nonce}` } })
  const message = 'n=user,r=fyko+d2lbbFgONRv9qkxdawL,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096,c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j'
  const verifier = parseVerifier('sha1', bytes(stored('sha1', 'pencil', 'QSXCR+Q6sek8bf92')))
  t.equal(prove({ hash: 'sha1', message, proof: 'v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=', ...verifier }, verifier), 'rmF9pqV8S7suAoZWja4dJRkFsKQ=')
  t.equal(prove({ hash: 'sha1', message: `${message} `, proof: 'v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=', ...verifier }, verifier), undefined)
  t.equal(prove({ hash: 'sha1', message, proof: 'AAAA', ...verifier }, verifier), undefined)
})

t.test('the example of RFC 7677 §3', async (t) => {
  const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0'
  const message = `n=user,r=rOprNGfwEbeRWgbNEkqO,r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=${nonce}`
  const verifier = parseVerifier('sha256', bytes(stored('sha256', 'pencil', 'W22ZaJ0SNY7soEsUEjb6gQ==')))
  t.equal(prove({ hash: 'sha256', message, proof: 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=', ...verifier }, verifier), '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')
})

t.test('what a client may not send', async (t) => {
  const firsts = ['', 'n', 'n=user,r=abc', 'p=tls-unique,,n=user,r=abc', 'n,,m=x,n=user,r=abc', 'n,,n=,r=abc', 'n,,n=us=er,r=abc', 'n,,n=user,r=',
    'n,,n=user,r=a b', `n,,n=user,r=${'x'.repeat(257)}`, `n,,n=${'u'.repeat(1025)},r=abc`, 'n,a=,n=user,r=abc', 'n,,n=user,r=abc,m=ext']
  for (const message of firsts) t.equal(start('SCRAM-SHA-256').next(bytes(message)).kind, 'error', message.slice(0, 40))
  t.match(start('SCRAM-SHA-256').next(bytes('y,a=the=2Cboss,n=a=3Db=2Cc,r=abc,x=more')), { kind: 'salt', username: 'a=b,c', authzid: 'the,boss' })
  const finals = ['', 'c=biws,r=abcAAAA', 'c=biws,r=abcAAAB,p=AAAA', 'c=biws,r=abc,p=AAAA', 'c=eSws,r=abcAAAA,p=AAAA', 'c=biws,r=abcAAAA,p=!', 'r=abcAAAA,c=biws,p=AAAA']
  for (const message of [...finals, 'c=biws,r=abcAAAA,p=AAAA']) {
    const exchange = start('SCRAM-SHA-256')
    exchange.next(bytes('n,,n=user,r=abc'))
    exchange.salted!({ salt: 'AAAA', iterations: 4096 })
    t.equal(exchange.next(bytes(message)).kind, finals.includes(message) ? 'error' : 'credentials', message)
  }
  t.equal(shown(start('SCRAM-SHA-1').next(undefined)), '', 'without an initial response an empty challenge')
})

t.test('stored secrets', async (t) => {
  const secret = stored('sha256', 'pencil', 'W22ZaJ0SNY7soEsUEjb6gQ==')
  t.equal(verifyPassword('pencil', `{SCRAM-SHA-256}${secret}`, 'PLAIN'), true, 'for PLAIN as well')
  t.equal(verifyPassword('Pencil', `{SCRAM-SHA-256}${secret}`, 'PLAIN'), false)
  t.equal(verifyPassword('pencil', `{SCRAM-SHA-1}${stored('sha1', 'pencil', 'AAAA')}`, 'PLAIN'), true)
  for (const broken of ['', '4096', secret.replace('4096', '0'), secret.replace('4096', '99999999'), `${secret},x`, secret.slice(0, -4), stored('sha1', 'pencil', 'AAAA')]) {
    t.throws(() => verifyPassword('pencil', `{SCRAM-SHA-256}${broken}`, 'PLAIN'), { name: 'UnusableSecret' }, broken)
  }
})

interface Outcome { salt: SaltAnswer; answer?: AnyAuthAnswer }

/** A client's login through the auth actor, in the steps that a session makes. */
async function login(auth: ReturnType<typeof authDouble>, username: string, password: string, hash: ScramHash = 'sha256', more: Partial<LoginRequest> = {}): Promise<Outcome> {
  const of: LoginRequest = {
    kind: 'login', service: 'imap', mechanism: hash === 'sha1' ? 'SCRAM-SHA-1' : 'SCRAM-SHA-256', username, password: '', session: 's1',
    remote: { ip: '192.0.2.1', port: 1234 }, local: { ip: '192.0.2.9', port: 143 }, secured: false, ...more,
  }
  const salt = await auth.actor.receive({ kind: 'salt', hash, of }) as SaltAnswer
  if (salt.status !== 'ok') return { salt }
  const hmac = (key: Uint8Array, text: string) => createHmac(hash, key).update(text).digest()
  const salted = pbkdf2Sync(password, Buffer.from(salt.salt, 'base64'), salt.iterations, hash === 'sha1' ? 20 : 32, hash)
  const clientKey = hmac(salted, 'Client Key')
  const message = `n=${username},r=abc,r=abcdef,s=${salt.salt},i=${salt.iterations},c=biws,r=abcdef`
  const signature = hmac(createHash(hash).update(clientKey).digest(), message)
  const proof = Buffer.from(clientKey.map((byte, index) => byte ^ signature[index]!)).toString('base64')
  const answer = await auth.actor.receive({ ...of, proof: { hash, message, proof, salt: salt.salt, iterations: salt.iterations } })
  if (answer.status === 'ok') t.equal((answer as { signature?: string }).signature, hmac(hmac(salted, 'Server Key'), message).toString('base64'), 'the server knows the password, too')
  return { salt, answer }
}

t.test('through the passdbs', async (t) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-scram-'))
  t.teardown(() => fs.rmSync(directory, { recursive: true, force: true }))
  const file = path.join(directory, 'users')
  fs.writeFileSync(file, [
    `stored:{SCRAM-SHA-256}${stored('sha256', 'pw', 'c2FsdHNhbHQ=', 5000)}`, 'plain:{PLAIN}pw', 'hashed:{SHA256}x', 'away:{PLAIN}pw::::::nologin=yes',
    'nets:{PLAIN}pw::::::allow_nets=203.0.113.0/24', 'none:::::::nopassword=yes', 'odd:{SCRAM-SHA-256}broken', 'boss:{PLAIN}bosspw', '',
  ].join('\n'))
  const users = userdb({ driver: 'static', args: 'allow_all_users=yes' })
  const auth = authDouble({ passdb: [passdb({ driver: 'passwd-file', args: file })], userdb: [users], auth_failure_delay: 0 })
  t.match(await login(auth, 'stored', 'pw'), { salt: { salt: 'c2FsdHNhbHQ=', iterations: 5000 }, answer: { status: 'ok', account: { user: 'stored' } } })
  t.match(await login(auth, 'STORED', 'pw'), { answer: { status: 'ok', account: { user: 'stored' } } })
  t.match(await login(auth, 'stored', 'other'), { answer: { status: 'refused' } })
  t.match(await login(auth, 'stored', 'pw', 'sha1'), { answer: { status: 'refused' } }, 'a secret of another mechanism proves nothing')
  for (const hash of ['sha1', 'sha256'] as const) {
    t.match(await login(auth, 'plain', 'pw', hash), { answer: { status: 'ok' } }, 'from a plain password')
    t.match(await login(auth, 'plain', 'other', hash), { answer: { status: 'refused' } })
  }
  for (const name of ['hashed', 'nobody', 'none', 'nets']) {
    const { salt, answer } = await login(auth, name, 'pw')
    t.match(salt, { status: 'ok', iterations: 4096, salt: /^[A-Za-z0-9+/]{22}==$/ }, `${name} has a salt as others have`)
    t.same((await login(auth, name, 'x')).salt, salt, 'and always the same')
    t.match(answer, { status: 'refused' })
  }
  t.match(await login(auth, 'away', 'pw'), { answer: { status: 'disabled' } })
  t.match(await login(auth, 'odd', 'pw'), { salt: { status: 'temporary' } })
  t.match(await login(auth, 'no body', 'pw'), { salt: { status: 'refused' } }, 'no name at all')
  t.match(await authDouble({ passdb: [] }).actor.receive({ kind: 'salt', hash: 'sha1', of: { kind: 'login', service: 'imap', mechanism: 'SCRAM-SHA-1', username: 'a', password: '', session: '', remote: { ip: '', port: 0 }, local: { ip: '', port: 0 }, secured: true } }), { status: 'refused' })

  const masters = authDouble({
    passdb: [passdb({ driver: 'passwd-file', args: file, master: true, username_filter: ['boss'] }), passdb({ driver: 'passwd-file', args: file })], userdb: [users],
  })
  t.match(await login(masters, 'boss', 'bosspw', 'sha256', { authzid: 'plain' }), { answer: { status: 'ok', account: { user: 'plain' } } }, 'a master user')
  t.match(await login(masters, 'plain', 'pw', 'sha256', { authzid: 'boss' }), { salt: { status: 'refused' } }, 'no master passdb is asked for a user')
  t.notMatch(JSON.stringify([auth.events, masters.events]), /c2FsdHNhbHQ|bosspw/, 'no secret in a log')
})
