import t from 'tap'
import { MailError } from '../../../actors/user/errors.ts'
import { TempFail } from '../../../runtime/errors.ts'
import { smallWorld } from '../../fixtures/small-world.ts'
import { known, LmtpDouble } from './double.ts'

const message = 'Message-ID: <m1@example.org>\r\nSubject: Hi\r\n\r\nBody\r\n'
const clock = { now: () => Date.UTC(2026, 10, 23, 21, 6, 0), monotonic: () => 0 }

t.test('a mail to two recipients', async (t) => {
  const lmtp = new LmtpDouble(t, { effects: { clock } })
  lmtp.send('LHLO client.example.org\r\n')
  await lmtp.says('250 SIZE')
  t.same(lmtp.lines, ['220 mx.example.com Culver ready.', '250-mx.example.com', '250-8BITMIME', '250-CHUNKING', '250-ENHANCEDSTATUSCODES', '250-PIPELINING', '250 SIZE 1073741824'])
  lmtp.send('MAIL FROM:<a@example.org> BODY=8BITMIME SIZE=100\r\nRCPT TO:<tim@example.com>\r\nRCPT TO:<ann+lists@example.com> ORCPT=rfc822;all+2Bx@example.com\r\nDATA\r\n')
  await lmtp.says('354')
  t.same(lmtp.lines.slice(7), ['250 2.1.0 OK', '250 2.1.5 OK', '250 2.1.5 OK', '354 OK'])
  lmtp.send(`${message}.\r\nQUIT\r\n`)
  await lmtp.until((lmtp) => lmtp.closed)
  t.same(lmtp.lines.slice(11), ['250 2.0.0 <tim@example.com> S1:1 Saved', '250 2.0.0 <ann+lists@example.com> S1:2 Saved', '221 2.0.0 Bye'])
  t.same(lmtp.delivered.map(({ account }) => account.user), ['tim@example.com', 'ann@example.com'])
  t.equal(lmtp.delivered[0]?.text, [
    'Return-Path: <a@example.org>',
    'Delivered-To: tim@example.com',
    'Received: from client.example.org ([192.0.2.7])',
    '\tby mx.example.com with LMTP',
    '\tid S1:1',
    '\t(envelope-from <a@example.org>)',
    '\tfor <tim@example.com>; Mon, 23 Nov 2026 21:06:00 +0000',
    message,
  ].join('\r\n'))
  const { delivery, text } = lmtp.delivered[1]!
  t.match(text, /^Return-Path: <a@example\.org>\r\nDelivered-To: ann\+lists@example\.com\r\n/)
  t.match(delivery, { from: 'a@example.org', to: 'ann+lists@example.com', detail: 'lists', session: 'S1:2' })
  t.equal(delivery.draft.body.size, text.length)
  t.equal(delivery.draft.summary.size, text.length, 'the summary is that of the mail with its new header')
  t.equal(delivery.draft.summary.root.headerSize, text.indexOf('\r\n\r\n') + 4)
  t.same(lmtp.world.log.filter((event) => event.name === 'lmtp.saved').map((event) => [event.user, event.session, event.text]), [
    ['tim@example.com', 'S1:1', 'msgid=<m1@example.org>: saved mail to INBOX'],
    ['ann@example.com', 'S1:2', 'msgid=<m1@example.org>: saved mail to INBOX'],
  ])
  t.equal(lmtp.ended, 1)
})

t.test('headers as configured', async (t) => {
  const lmtp = new LmtpDouble(t, { settings: { lmtp_hdr_delivery_address: 'original', lmtp_add_received_header: false, deliver_log_format: '%{nonsense} %$' } })
  lmtp.send(`LHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<b@x> ORCPT=rfc822;all+2Bx@example.com\r\nRCPT TO:<c@x>\r\nDATA\r\n${message}.\r\n`)
  await lmtp.says('250 2.0.0 <c@x>')
  t.equal(lmtp.delivered[0]?.text, `Return-Path: <>\r\nDelivered-To: all+x@example.com\r\n${message}`)
  t.equal(lmtp.delivered[1]?.text, `Return-Path: <>\r\nDelivered-To: c@x\r\n${message}`)
  t.ok(lmtp.world.log.some((event) => event.text === 'msgid=<m1@example.org>: saved mail to INBOX'), 'a bad log format loses no mail')
  const none = new LmtpDouble(t, { settings: { lmtp_hdr_delivery_address: 'none', lmtp_add_received_header: false } })
  none.send(`LHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n${message}.\r\n`)
  await none.says('250 2.0.0')
  t.equal(none.delivered[0]?.text, `Return-Path: <a@x>\r\n${message}`)
})

t.test('recipients that are unknown or cannot be looked up', async (t) => {
  const lmtp = new LmtpDouble(t, {
    lookup: (request) => (request.username === 'good@x' ? known(request) : { status: request.username.split('@')[0] as 'unknown' }),
  })
  lmtp.send('LHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<unknown+d@x>\r\nRCPT TO:<temporary@x>\r\nRCPT TO:<refused@x>\r\nRCPT TO:<disabled@x>\r\nRCPT TO:<good@x>\r\nDATA\r\n')
  await lmtp.says('354')
  t.same(lmtp.lines.slice(8), [
    '550 5.1.1 <unknown+d@x> User doesn\'t exist: unknown@x', '451 4.3.0 <temporary@x> Temporary user lookup failure',
    '451 4.3.0 <refused@x> Temporary user lookup failure', '451 4.3.0 <disabled@x> Temporary user lookup failure', '250 2.1.5 OK', '354 OK',
  ])
  t.match(lmtp.lookups[0], { kind: 'lookup', service: 'lmtp', session: 'S1', remote: { ip: '192.0.2.7' } })
  lmtp.send(`${message}.\r\n`)
  await lmtp.says('250 2.0.0 <good@x>')
  t.equal(lmtp.delivered.length, 1, 'one reply and one copy for each recipient that was accepted')
  const nobody = new LmtpDouble(t, { lookup: () => ({ status: 'unknown' }) })
  nobody.send('LHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\nNOOP\r\n')
  await nobody.says('250 2.0.0 OK')
  t.equal(nobody.lines.at(-2), '503 5.5.1 No valid recipients', 'RFC 2033 §4.2')
})

t.test('what a failed delivery is answered', async (t) => {
  const failures: Record<string, Error> = {
    full: new MailError('OVERQUOTA', 'Quota exceeded (mailbox for user is full)'),
    toobig: new MailError('TOOBIG', 'Too big'),
    cannot: new MailError('CANNOT', 'Not\r\nthere'),
    away: new TempFail('store away: secret detail'),
    bug: new TypeError('x is undefined'),
  }
  const replies = async (settings = {}): Promise<string[]> => {
    const lmtp = new LmtpDouble(t, { settings, deliver: (account) => { const failure = failures[account.user]; if (failure) throw failure } })
    lmtp.send('LHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<full>\r\nRCPT TO:<toobig>\r\nRCPT TO:<cannot>\r\nRCPT TO:<ok>\r\nRCPT TO:<away>\r\nRCPT TO:<bug>\r\nDATA\r\n')
    lmtp.send(`${message}.\r\nNOOP\r\n`)
    await lmtp.says('250 2.0.0 OK')
    t.same(lmtp.spooled, [])
    t.match(lmtp.world.log.find((event) => event.user === 'away'), { level: 'error', text: 'msgid=<m1@example.org>: save failed: store away: secret detail' })
    t.match(lmtp.world.log.find((event) => event.user === 'full'), { level: 'info' })
    return lmtp.lines.slice(-7, -1)
  }
  t.same(await replies(), [
    '552 5.2.2 <full> Quota exceeded (mailbox for user is full)', '552 5.2.3 <toobig> Too big', '451 4.2.0 <cannot> Not??there',
    '250 2.0.0 <ok> S1:4 Saved', '451 4.3.0 <away> Temporary internal error', '451 4.3.0 <bug> Temporary internal error',
  ])
  const [full, , , , away] = await replies({ quota_full_tempfail: true, lmtp_verbose_replies: true })
  t.equal(full, '452 4.2.2 <full> Quota exceeded (mailbox for user is full)')
  t.equal(away, '451 4.3.0 <away> Temporary internal error: store away: secret detail')
})

t.test('several transactions on one connection', async (t) => {
  const lmtp = new LmtpDouble(t)
  lmtp.send('LHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nRSET\r\nDATA\r\nRCPT TO:<b@x>\r\n')
  await lmtp.until((lmtp) => lmtp.lines.length === 12)
  t.same(lmtp.lines.slice(-3), ['250 2.0.0 OK', '503 5.5.1 MAIL needed first', '503 5.5.1 MAIL needed first'])
  for (const n of [1, 2, 3]) {
    lmtp.send(`MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n${message}.\r\n`)
    await lmtp.says(`250 2.0.0 <b@x> S1:${n} Saved`)
  }
  lmtp.send('MAIL FROM:<a@x>\r\nMAIL FROM:<a@x>\r\nLHLO d\r\nMAIL FROM:<a@x>\r\n')
  await lmtp.says('250 2.1.0')
  t.ok(lmtp.lines.includes('503 5.5.1 MAIL already given'))
  t.equal(lmtp.delivered.length, 3)
})

t.test('deliveries run side by side, a bounded number of them; replies keep their order', async (t) => {
  let running = 0
  let most = 0
  const lmtp = new LmtpDouble(t, {
    async deliver() {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setImmediate(resolve))
      running--
    },
  })
  const recipients = Array.from({ length: 40 }, (_, n) => `u${n}@x`)
  lmtp.send(`LHLO c\r\nMAIL FROM:<a@x>\r\n${recipients.map((user) => `RCPT TO:<${user}>\r\n`).join('')}DATA\r\n${message}.\r\n`)
  await lmtp.says('250 2.0.0 <u39@x>')
  t.same(lmtp.lines.slice(-40), recipients.map((user, n) => `250 2.0.0 <${user}> S1:${n + 1} Saved`))
  t.equal(most, 10)
})

t.test('a message larger than memory is spooled once for all', async (t) => {
  const large = `Subject: large\r\n\r\n${'0123456789abcdef\r\n'.repeat(40_000)}`
  const lmtp = new LmtpDouble(t)
  lmtp.send('LHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nRCPT TO:<c@x>\r\nDATA\r\n')
  await lmtp.says('354')
  for (let at = 0; at < large.length; at += 65_536) {
    lmtp.send(large.slice(at, at + 65_536))
    await lmtp.until((lmtp) => !lmtp.paused)
  }
  lmtp.send('.\r\n')
  await lmtp.says('250 2.0.0 <c@x>')
  t.ok(lmtp.delivered.every(({ text }) => text.endsWith(large)))
  t.equal(lmtp.delivered[0]?.delivery.draft.body.parts.filter((part) => 'path' in part).length, 1)
  t.same(lmtp.spooled, [])
})

t.test('a full disk is a temporary failure, and the connection goes on', async (t) => {
  const { effects } = smallWorld(t)
  const files = { ...effects.files, append: () => Promise.reject(new TempFail('no space left')), temporary: () => '/nowhere/spool', remove: () => Promise.resolve() }
  const lmtp = new LmtpDouble(t, { effects: { files: files as typeof effects.files } })
  lmtp.send(`LHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nRCPT TO:<c@x>\r\nDATA\r\n${'0123456789abcdef\r\n'.repeat(20_000)}.\r\nNOOP\r\n`)
  await lmtp.says('250 2.0.0 OK')
  t.same(lmtp.lines.slice(-3, -1), ['451 4.3.0 <b@x> Temporary internal error', '451 4.3.0 <c@x> Temporary internal error'])
  t.equal(lmtp.delivered.length, 0)
})
