import t from 'tap'
import { Buffer } from 'node:buffer'
import { ImapClient, emptyUser } from '../../fixtures/imap-session.ts'
import type { ClientOptions } from '../../fixtures/imap-session.ts'
import { LimitExceeded, TempFail } from '../../../runtime/errors.ts'
import type { AuthRequest, LoginRequest } from '../../../actors/auth-messages.ts'
import type { BackendLink } from '../../../actors/session/backend.ts'

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64')
const last = (lines: string[]): string | undefined => lines.at(-1)

t.test('the greeting tells what can be done', async (t) => {
  const c = new ImapClient()
  t.equal(await c.until(/\r\n/), '* OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ ID LOGIN-REFERRALS SASL-IR AUTH=PLAIN AUTH=LOGIN] Culver ready.\r\n')
  t.same(await c.say('CAPABILITY'), ['* CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ ID LOGIN-REFERRALS SASL-IR AUTH=PLAIN AUTH=LOGIN',
    'OK Pre-login capabilities listed, post-login capabilities have more.'])
  t.same(await c.say('NOOP'), ['OK NOOP completed.'])
  t.same(await c.say('LOGOUT'), ['* BYE Logging out', 'OK Logout completed.'])
  t.equal(await c.end(), '')
  t.ok(c.closed)
})

t.test('LOGIN', async (t) => {
  const asked: AuthRequest[] = []
  const c = new ImapClient({ user: emptyUser(), authenticate: (request) => { asked.push(request); return (request as LoginRequest).password === 'päss "x"'
    ? { status: 'ok', account: { user: 'u', home: '/', fields: {} } } : { status: 'refused' } } })
  t.equal(last(await c.say('LOGIN u wrong')), 'NO [AUTHENTICATIONFAILED] Authentication failed.')
  t.match(last(await c.say(Buffer.from('LOGIN {1}\r\nu {9+}\r\npäss "x"', 'utf8').toString('latin1').replace('{9+}', '{9+}'))), /^OK \[CAPABILITY IMAP4rev1 .*\] Logged in$/)
  t.match(c.heard, /\+ OK\r\n/)
  t.match(asked[1], { kind: 'login', service: 'imap', mechanism: 'PLAIN', username: 'u', session: 'S1', secured: true, remote: { ip: '192.0.2.1' } })
  t.equal(last(await c.say('LOGIN u x')), 'BAD Error in IMAP command LOGIN: Already logged in.')
  t.match(c.log, [{ name: 'imap.login', text: /^Login: user=<u>, method=PLAIN, rip=192\.0\.2\.1, lip=192\.0\.2\.2, mpid=\d+, secured, session=<S1>$/ }])
})

t.test('LOGIN takes no longer names and passwords than AUTHENTICATE: hashing costs by their length', async (t) => {
  const asked: AuthRequest[] = []
  const c = new ImapClient({ user: emptyUser(), authenticate: (request) => { asked.push(request); return { status: 'refused' } } })
  t.equal(last(await c.say(`LOGIN u ${'p'.repeat(1024)}`)), 'NO [AUTHENTICATIONFAILED] Authentication failed.')
  t.equal(last(await c.say(`LOGIN u ${'p'.repeat(1025)}`)), 'BAD Error in IMAP command LOGIN: User name or password is too long.')
  t.equal(last(await c.say(`LOGIN ${'u'.repeat(1025)} p`)), 'BAD Error in IMAP command LOGIN: User name or password is too long.')
  t.equal(asked.length, 1)
})

t.test('AUTHENTICATE PLAIN and LOGIN, with and without initial response', async (t) => {
  const plain = base64('\0u\0pass')
  for (const [said, answers] of [
    [`AUTHENTICATE PLAIN ${plain}`, []],
    ['AUTHENTICATE PLAIN', [['+ ', plain]]],
    ['authenticate plain', [['+ ', plain]]],
    ['AUTHENTICATE LOGIN', [[`+ ${base64('Username:')}`, base64('u')], [`+ ${base64('Password:')}`, base64('pass')]]],
    [`AUTHENTICATE LOGIN ${base64('u')}`, [[`+ ${base64('Password:')}`, base64('pass')]]],
  ] as [string, [string, string][]][]) {
    const c = new ImapClient({ user: emptyUser() })
    await c.until(/\r\n/)
    c.send(`a ${said}\r\n`)
    for (const [challenge, response] of answers) {
      t.equal(await c.until(/\r\n/), `${challenge}\r\n`)
      c.send(`${response}\r\n`)
    }
    t.match(last(await c.answer('a')), /^OK \[CAPABILITY .*\] Logged in$/, said)
  }
})

t.test('AUTHENTICATE refused', async (t) => {
  const c = new ImapClient({ user: emptyUser() })
  t.equal(last(await c.say('AUTHENTICATE GSSAPI')), 'NO Unsupported authentication mechanism.')
  t.equal(last(await c.say(`AUTHENTICATE PLAIN ${base64('\0u\0wrong')}`)), 'NO [AUTHENTICATIONFAILED] Authentication failed.')
  c.send('a AUTHENTICATE PLAIN\r\n*\r\n')
  t.equal(last(await c.answer('a')), 'BAD Authentication aborted by client.')
  c.send('b AUTHENTICATE PLAIN\r\nnot base64\r\n')
  t.equal(last(await c.answer('b')), 'BAD Invalid base64 data in continued response.')
  t.equal(last(await c.say(`AUTHENTICATE PLAIN ${plainOf('u', 'pass')}`))!.slice(0, 3), 'OK ', 'and then it works')
})

t.test('plaintext passwords need a secured connection', async (t) => {
  const c = new ImapClient({ settings: { disable_plaintext_auth: true }, seed: { secured: false }, user: emptyUser() })
  t.match(await c.until(/\r\n/), /^\* OK \[CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL\+ ID LOGIN-REFERRALS SASL-IR LOGINDISABLED\]/)
  t.same(await c.say('LOGIN u pass'), [
    '* BAD [ALERT] Plaintext authentication not allowed without SSL/TLS, but your client did it anyway. If anyone was listening, the password was exposed.',
    'NO [PRIVACYREQUIRED] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.'])
  t.match(last(await c.say(`AUTHENTICATE PLAIN ${plainOf('u', 'pass')}`)), /^NO \[PRIVACYREQUIRED\]/)
})

t.test('what auth answers is told as Dovecot tells it', async (t) => {
  for (const [answer, said] of [
    [{ status: 'temporary', reason: 'ldap away' }, 'NO [UNAVAILABLE] Temporary authentication failure.'],
    [{ status: 'refused', reason: 'secret' }, 'NO [AUTHENTICATIONFAILED] Authentication failed.'],
    [{ status: 'disabled', reason: 'Moved away' }, 'NO [CONTACTADMIN] Moved away'],
    [{ status: 'disabled', reason: '[EXPIRED] Pay first' }, 'NO [EXPIRED] Pay first'],
    [{ status: 'disabled' }, 'NO [CONTACTADMIN] Login disabled for this user'],
    [{ status: 'disabled', elsewhere: { host: 'b.example.com', user: 'a@b c' } }, 'NO [REFERRAL imap://a%40b%20c;AUTH=PLAIN@b.example.com/] Try this server instead.'],
    [{ status: 'disabled', reason: 'Moved', elsewhere: { host: '::1', port: 1143, user: 'u' } }, 'NO [REFERRAL imap://u;AUTH=PLAIN@[::1]:1143/] Moved'],
  ] as const) {
    const c = new ImapClient({ authenticate: () => answer })
    t.equal(last(await c.say('LOGIN u pass')), said)
  }
})

t.test('whose password is right is no guesser in the log, whatever else goes wrong', async (t) => {
  const account = { user: 'u', home: '/nowhere', fields: {} }
  const away = (): Promise<never> => Promise.reject(new TempFail('the store is away'))
  for (const [options, why] of [
    [{ authenticate: () => ({ status: 'ok', account }), settle: away }, '(internal failure, 2 successful auths)'],
    [{ authenticate: () => ({ status: 'disabled', reason: 'Moved away' }) }, '(internal failure, 2 successful auths)'],
    [{ authenticate: () => ({ status: 'temporary', reason: 'ldap away' }) }, '(internal failure, 2 attempts)'],
    [{ authenticate: () => ({ status: 'refused', reason: 'wrong' }) }, '(auth failed, 2 attempts in 0 secs)'],
  ] as [ClientOptions, string][]) {
    const c = new ImapClient(options)
    await c.say('LOGIN u pass')
    await c.say('LOGIN u pass')
    await c.say('LOGOUT')
    t.match(c.log.filter(({ name }) => name === 'imap.disconnect').map(({ text }) => text), [`Disconnected: Aborted login by logging out ${why}: user=<u>`])
  }
})

t.test('a user that cannot be opened now', async (t) => {
  for (const error of [new TempFail('the store is away'), new LimitExceeded('mailboxQueue', 'the store is away')]) {
    const c = new ImapClient({ settle: () => Promise.reject(error) })
    t.equal(last(await c.say('LOGIN u pass')), 'NO [UNAVAILABLE] the store is away')
    t.same(await c.say('NOOP'), ['OK NOOP completed.'], 'it may try again')
  }
})

t.test('a session whose user lives elsewhere falls silent there and goes on here', async (t) => {
  let frozen: { state: unknown; input: Uint8Array } | undefined
  let account
  const first = new ImapClient({ settle: async (a, freeze) => { account = a; frozen = freeze(); return { here: false } } })
  await first.until(/\r\n/)
  first.send('x LOGIN u pass\r\ny NOOP\r\nz LOGIN {3}\r\nf')
  await new Promise((resolve) => setImmediate(resolve))
  t.equal(first.heard.split('\r\n').length, 2, 'nothing but the greeting')
  t.notOk(first.closed || first.over, 'the wire is not its own to close')
  t.equal(first.time.count, 0, 'no timer is left')

  const user = emptyUser()
  const second = new ImapClient({ user, seed: { resumed: { account: account!, state: structuredClone(frozen!.state), input: frozen!.input } } })
  t.match(await second.until(/x OK.*\r\n/), /^x OK \[CAPABILITY IMAP4rev1 .*\] Logged in\r\n$/)
  t.match(await second.until(/y OK.*\r\n/), /^y OK NOOP completed/)
  second.send('oo bar\r\n')
  t.match(await second.until(/z BAD.*\r\n/), /Already logged in/)
  t.equal(user.attached, 1)
  second.hangup()
  await second.end()
  t.equal(user.attached, 0)
})

t.test('commands in the packet of LOGIN', async (t) => {
  const c = new ImapClient({ user: emptyUser() })
  c.send('a CAPABILITY\r\nb LOGIN u pass\r\nc CAPABILITY\r\nd LOGOUT\r\ne NOOP\r\n')
  const heard = await c.end()
  t.match(heard, /a OK Pre-login[^]*b OK \[CAPABILITY[^]*c OK Capability completed[^]*\* BYE Logging out\r\nd OK Logout completed \(0\.000 \+ 0\.000 secs\)\.\r\n$/)
})

t.test('a continuation that cannot open its user', async (t) => {
  const resumed = { account: { user: 'u', home: '/', fields: {} }, state: { tag: 'x', mechanism: 'PLAIN' }, input: new Uint8Array(0) }
  const c = new ImapClient({ settle: () => Promise.reject(new TempFail('the store is away')), seed: { resumed } })
  t.equal(await c.end(), 'x NO [UNAVAILABLE] the store is away\r\n* BYE Logging in failed, please try again.\r\n')
})

const plainOf = (user: string, password: string): string => base64(`\0${user}\0${password}`)

t.test('user names and passwords in UTF-8 (RFC 4616, RFC 9755)', async (t) => {
  const asked: LoginRequest[] = []
  const c = new ImapClient({ user: emptyUser(), authenticate: (request) => { asked.push(request as LoginRequest); return { status: 'ok', account: { user: 'bücher', home: '/', fields: {} } } } })
  t.match(last(await c.say(`AUTHENTICATE PLAIN ${base64('\0bücher\0пароль')}`)), /^OK /)
  t.match(asked, [{ username: 'bücher', password: 'пароль' }])
})

t.test('a client that is passed on to another server, and a session that ends meanwhile', async (t) => {
  for (const stops of [false, true]) {
    const answer = Promise.withResolvers<string>()
    const asked = Promise.withResolvers<void>()
    let closed = false
    const lines = [Promise.resolve('* OK [CAPABILITY IMAP4rev1] Ready'), answer.promise]
    const link: BackendLink = {
      remote: { ip: '192.0.2.50', port: 143 }, line: () => lines.shift() ?? new Promise(() => {}), write: () => { asked.resolve() },
      drained: () => Promise.resolve(), startTls: () => Promise.resolve(), close: () => { closed = true },
    }
    const to = { host: '192.0.2.50', user: 'u', renamed: false, password: 'p', tls: 'none', verify: true, trusted: false, patient: false, forward: {} } as const
    const c = new ImapClient({ authenticate: () => ({ status: 'proxy', to }), connect: () => Promise.resolve(link) })
    await c.until(/\r\n/)
    c.send('a LOGIN u p\r\n')
    await asked.promise
    const stopped = stops ? c.session.stop('Server shutting down.') : undefined
    answer.resolve('L OK Logged in')
    await stopped
    while (!c.passedOn && !c.closed) await new Promise((resolve) => { setImmediate(resolve) })
    t.same([c.passedOn, closed, c.closed], stops ? [false, true, true] : [true, false, false], stops ? 'ends' : 'goes on')
    if (stops) t.match(c.heard, /\* BYE Server shutting down\.\r\n$/)
  }
})
