// A proxy hands its client over by XCLIENT, as captured from Dovecot's; strangers try the same.

import t from 'tap'
import { known, LmtpDouble } from './double.ts'
import type { DoubleOptions } from './double.ts'

const shown = '250-XCLIENT ADDR PORT PROTO HELO LOGIN SESSION TTL TIMEOUT'
const captured = 'XCLIENT HELO=mx.example.com PROTO=ESMTP SESSION=8A8FD5ZRBGtUHAAAg+2BzDdQ:P1 TTL=5 PORT=39439 ADDR=198.51.100.7\r\n'
const session = '8A8FD5ZRBGtUHAAAg+zDdQ:P1'

const connect = (test: ConstructorParameters<typeof LmtpDouble>[0], options: DoubleOptions = {}): LmtpDouble => new LmtpDouble(test, { ...options, seed: { trusted: true, ...options.seed } })
const greeting = '220 mx.example.com Dovecot ready.'

t.test('what trusted proxies are shown', async (t) => {
  const trusted = connect(t)
  trusted.send('LHLO vm\r\n')
  await trusted.says('250 ')
  t.same(trusted.lines.slice(-2), [shown, '250 XRCPTFORWARD'])
  const stranger = connect(t, { seed: { trusted: false } })
  stranger.send('LHLO vm\r\n')
  await stranger.says('250 ')
  t.notMatch(stranger.said, /XCLIENT|XRCPTFORWARD/)
})

t.test('the client handed over', async (t) => {
  const lmtp = connect(t)
  lmtp.send(`LHLO vm\r\n${captured}`, 7)
  await lmtp.says('220 ')
  t.equal(lmtp.lines.at(-1), lmtp.lines[0], 'the greeting again')
  lmtp.send('MAIL FROM:<s@example.org>\r\n')
  await lmtp.says('503 5.5.1 LHLO needed first')
  lmtp.send('LHLO vm\r\nMAIL FROM:<s@example.org>\r\nRCPT TO:<full> XRCPTFORWARD=site+3Ddc1+09tier+3Dgold\r\nRCPT TO:<other>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\n')
  await lmtp.until(() => lmtp.delivered.length === 2 && /<other> .* Saved\r\n$/.test(lmtp.said))
  t.match(lmtp.lookups, [
    { session, remote: { ip: '198.51.100.7', port: 39439 }, local: { ip: '192.0.2.1', port: 24 }, forward: { site: 'dc1', tier: 'gold' } },
    { username: 'other', session },
  ])
  t.equal(lmtp.lookups[1]!.forward, undefined, 'for one recipient only')
  t.equal(lmtp.lines.at(-2), `250 2.0.0 <full> ${session}:1 Saved`)
  t.match(lmtp.delivered[0]!.text, /Received: from mx\.example\.com \(\[198\.51\.100\.7\]\)\r\n\tby mx\.example\.com with ESMTP\r\n/)
  t.match(lmtp.world.log.at(-1), { session: `${session}:2` })
  lmtp.send('QUIT\r\n')
  await lmtp.until(() => lmtp.closed)
  t.match(lmtp.world.log.at(-1), { session, text: 'Disconnect from 198.51.100.7: Logged out (state=READY)' })
})

t.test('strangers are refused, and nothing of theirs is taken', async (t) => {
  const lmtp = connect(t, { seed: { trusted: false } })
  lmtp.send(`LHLO vm\r\n${captured}MAIL FROM:<s@x>\r\nRCPT TO:<a> XRCPTFORWARD=site+3Ddc1\r\nRCPT TO:<b>\r\nNOOP\r\n`)
  await lmtp.says('250 2.0.0 OK')
  t.same(lmtp.lines.slice(-5), ['550 5.7.14 You are not from trusted IP', '250 2.1.0 OK', '555 5.5.4 Unsupported RCPT parameter', '250 2.1.5 OK', '250 2.0.0 OK'])
  t.match(lmtp.lookups, [{ username: 'b', session: 'S1', remote: { ip: '192.0.2.7', port: 5 } }])
})

t.test('addresses in all their forms', async (t) => {
  for (const [said, ip] of [
    ['IPV6:2001:DB8::1', '2001:db8::1'], ['ipv6:2001:db8:0:0::1', '2001:db8::1'], ['2001:db8::1', '2001:db8::1'], ['IPV6:::ffff:192.0.2.9', '192.0.2.9'],
    ['[UNAVAILABLE]', '192.0.2.7'], ['+5BUNAVAILABLE+5D', '192.0.2.7'], ['198.51.100.7', '198.51.100.7'],
  ] as const) {
    const lmtp = connect(t)
    lmtp.send(`XCLIENT PORT=[UNAVAILABLE] ADDR=${said}\r\nLHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<u>\r\nNOOP\r\n`)
    await lmtp.says('250 2.0.0 OK')
    t.match(lmtp.lookups, [{ remote: { ip, port: 5 }, session: 'S1' }], said)
  }
})

t.test('what cannot be is refused, and leaves the session as it was', async (t) => {
  for (const words of [
    '', 'ADDR', 'ADDR=', '=x', 'NAME=x', '__proto__=x', 'ADDR=1.2.3', 'ADDR=IPV6:1.2.3.4', 'ADDR=fe80::zz', 'PORT=65536', 'PORT=x', 'PROTO=HTTP',
    'SESSION=a=b', 'SESSION=a+ZZ', 'SESSION=a+3', 'SESSION=a+0D+0Ab', 'SESSION=a+3Eb', 'SESSION=a+FF', `SESSION=${'s'.repeat(65)}`, 'TTL=-1', 'TTL=x', 'TIMEOUT=soon',
    'HELO=a+20b', 'HELO=a+0Ab', `HELO=${'h'.repeat(256)}`, `LOGIN=${'l'.repeat(1025)}`, 'ADDR=198.51.100.7 TTL=x',
  ]) {
    const lmtp = connect(t)
    lmtp.send(`XCLIENT ${words}\r\n`)
    await lmtp.says('501 5.5.4 ')
    lmtp.send('LHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<u>\r\nNOOP\r\n')
    await lmtp.says('250 2.0.0 OK')
    t.match(lmtp.lookups, [{ remote: { ip: '192.0.2.7', port: 5 }, session: 'S1' }], words)
  }
})

t.test('loops, transactions, and forwarded fields that cannot be', async (t) => {
  const loop = connect(t)
  loop.send('XCLIENT TTL=0\r\nLHLO a\r\n')
  await loop.until(() => loop.closed)
  t.equal(loop.lines.at(-1), '554 5.4.6 Proxying loops')

  const lmtp = connect(t, { lookup: known })
  lmtp.send('LHLO a\r\nMAIL FROM:<>\r\nXCLIENT TTL=3\r\n')
  await lmtp.says('503 5.5.1 XCLIENT not allowed during a transaction')
  for (const list of ['a+20b+3Dv', `${'n'.repeat(31)}+3Dv`, `n+3D${'v'.repeat(1025)}`, 'n+3Da+0Ab', '+3Dv', Array.from({ length: 31 }, (_, n) => `k${n}+3Dv`).join('+09')]) {
    lmtp.send(`RCPT TO:<u> XRCPTFORWARD=${list}\r\n`)
    await lmtp.says('501 5.5.4 Invalid XRCPTFORWARD')
    lmtp.send('NOOP\r\n')
    await lmtp.says('250 2.0.0 OK')
  }
  lmtp.send('RCPT TO:<u> XRCPTFORWARD=flag+09__proto__+3Dp+09list+3Da+01tb+01\r\n')
  lmtp.send('RCPT TO:<u> XRCPTFORWARD=flag+09__proto__+3Dp+09Name+3Da+3Db\r\n')
  await lmtp.says('250 2.1.5 OK')
  t.same(Object.entries(lmtp.lookups[0]!.forward!), [['flag', ''], ['__proto__', 'p'], ['name', 'a=b']])
})

t.test('the greeting that is repeated', async (t) => {
  const lmtp = connect(t, { settings: { login_greeting: 'Dovecot ready.' } })
  lmtp.send('XCLIENT TTL=3\r\n')
  await lmtp.until(({ lines }) => lines.length === 2)
  t.same(lmtp.lines, [greeting, greeting])
})
