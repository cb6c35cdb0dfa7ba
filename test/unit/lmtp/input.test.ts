// What may come over the wire: cut anywhere, too long, garbled, smuggled.

import t from 'tap'
import { Buffer } from 'node:buffer'
import { DotReader } from '../../../actors/session/lmtp/dots.ts'
import { Input } from '../../../actors/session/lmtp/input.ts'
import { LmtpDouble } from './double.ts'

const settings = { lmtp_hdr_delivery_address: 'none', lmtp_add_received_header: false } as const
const begin = 'LHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\n'
const returnPath = 'Return-Path: <a@x>\r\n'

t.test('any packets give the same conversation', async (t) => {
  const script = `${begin}RCPT TO:<c@x>\r\nDATA\r\nSubject: a\r\n\r\n..dot\r\n.\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nBDAT 5\r\nS: 1\rBDAT 4 LAST\r\n\n\r\n.NOOP\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n.\r\nQUIT\r\n`
  let expected: string | undefined
  for (const packet of [undefined, 1, 2, 3, 5, 7, 11, 64]) {
    const lmtp = new LmtpDouble(t, { settings })
    lmtp.send(script, packet)
    await lmtp.until((lmtp) => lmtp.closed)
    expected ??= lmtp.said
    t.equal(lmtp.said, expected, `${packet ?? 'all'} bytes a packet`)
    t.same(lmtp.delivered.map(({ text }) => text), [
      `${returnPath}Subject: a\r\n\r\n.dot\r\n`, `${returnPath}Subject: a\r\n\r\n.dot\r\n`, `${returnPath}S: 1\r\n\r\n.`, returnPath,
    ])
  }
})

t.test('dot-unstuffing, cut anywhere', async (t) => {
  const cases: [string, string][] = [
    ['.\r\n', ''],
    ['a\r\n.\r\n', 'a\r\n'],
    ['..\r\n.\r\n', '.\r\n'],
    ['.a\r\n...\r\n.\r\n', 'a\r\n..\r\n'],
    ['a.\r\n.b.\r\n\r\n.\r\n', 'a.\r\nb.\r\n\r\n'],
    ['.\ra\r\n.\r\n', '\ra\r\n'],
    ['\r\n\r\n.\r\n', '\r\n\r\n'],
    ['.\r\r\n.\r\n', '\r\r\n'],
  ]
  for (const [sent, content] of cases) {
    for (let cut = 0; cut < sent.length; cut++) {
      const dots = new DotReader()
      let got = ''
      let done = false
      for (const part of [sent.slice(0, cut), `${sent.slice(cut)}REST`]) {
        let bytes = Buffer.from(part, 'latin1')
        while (bytes.length > 0 && !done) {
          const piece = dots.read(bytes)
          got += Buffer.from(piece.content).toString('latin1')
          bytes = bytes.subarray(piece.used)
          done = piece.done
        }
        if (done) t.equal(bytes.toString('latin1'), 'REST', JSON.stringify([sent, cut]))
      }
      t.same([got, done], [content, true], JSON.stringify([sent, cut]))
    }
  }
})

t.test('only CRLF.CRLF ends a message', async (t) => {
  for (const fake of ['\n.\n', '\n.\r\n', '\r\n.\n', '\r.\r', '\r\n.\r', '\r.\r\n', '\n.\r']) {
    const lmtp = new LmtpDouble(t, { settings })
    lmtp.send(`${begin}DATA\r\nSubject: a\r\n\r\nx${fake}MAIL FROM:<evil@x>\r\n.\r\nNOOP\r\n`)
    await lmtp.says('250 2.0.0 OK')
    t.equal(lmtp.delivered.length, 1, JSON.stringify(fake))
    t.match(lmtp.delivered[0]?.text, /MAIL FROM:<evil@x>/, 'what looks like a second mail is content')
    t.equal(lmtp.lines.filter((line) => line.startsWith('250 2.1.0')).length, 1)
  }
})

t.test('BDAT', async (t) => {
  const lmtp = new LmtpDouble(t, { settings })
  const binary = Buffer.from([0x53, 0x3a, 0x20, 0x78, 0x0d, 0x0a, 0x0d, 0x0a, 0xff, 0xfe, 0x2e, 0x0d, 0x0a])
  lmtp.send(`${begin}BDAT ${binary.length}\r\n`)
  lmtp.send(binary)
  await lmtp.says('250 2.0.0 OK')
  lmtp.send('RCPT TO:<c@x>\r\nDATA\r\nBDAT 0 LAST\r\n')
  await lmtp.says('250 2.0.0 <b@x>')
  t.same(lmtp.lines.slice(-3), ['503 5.5.1 RCPT not allowed after BDAT', '503 5.5.1 DATA not allowed after BDAT', '250 2.0.0 <b@x> S1:1 Saved'])
  t.equal(lmtp.delivered[0]?.text, `${returnPath}${binary.toString('latin1')}`)
  lmtp.send('BDAT 9 LAST\r\nQUIT\r\n123MAIL FROM:<a@x>\r\nBDAT 4\r\nRSETBDAT 2 last\r\nxyNOOP\r\n')
  await lmtp.until((lmtp) => lmtp.lines.at(-1) === '250 2.0.0 OK' && lmtp.lines.at(-2)?.startsWith('503') === true)
  t.same(lmtp.lines.slice(-5), ['503 5.5.1 MAIL needed first', '250 2.1.0 OK', '503 5.5.1 No valid recipients', '503 5.5.1 No valid recipients', '250 2.0.0 OK'],
    'chunks are read even where they are refused')
  lmtp.send('RSET\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nBDAT 3\r\nabcRSET\r\nNOOP\r\n')
  await lmtp.until((lmtp) => lmtp.lines.length === 24)
  t.equal(lmtp.delivered.length, 1, 'RSET forgets the chunks')
  lmtp.send('BDAT many LAST\r\nMAIL FROM:<a@x>\r\n')
  await lmtp.until((lmtp) => lmtp.closed)
  t.equal(lmtp.lines.at(-1), '501 5.5.4 Invalid chunk size', 'nothing after it is believed')
})

t.test('commands that cannot be', async (t) => {
  const replies: [string | Uint8Array, string][] = [
    ['FOO\r\n', '500 5.5.1 Unknown command'],
    ['\r\n', '500 5.5.1 Unknown command'],
    ['EHLO c\r\n', '500 5.5.1 Unknown command'],
    ['NOOP\0\r\n', '500 5.5.2 Invalid character in command'],
    ['NOOP\rQUIT\r\n', '500 5.5.2 Invalid character in command'],
    [Buffer.from('RCPT TO:<gr\xfcn@x>\r\n', 'latin1'), '500 5.5.2 Command is not valid UTF-8'],
    ['LHLO\r\n', '501 5.5.4 Invalid or missing domain'],
    ['LHLO a b\r\n', '501 5.5.4 Invalid or missing domain'],
    ['MAIL FROM:<a@x>\r\n', '503 5.5.1 LHLO needed first'],
    ['DATA x\r\n', '501 5.5.4 Invalid parameters'],
    ['VRFY tim\r\n', '252 2.3.3 Try RCPT instead'],
    ['noop anything\n', '250 2.0.0 OK'],
  ]
  for (const [sent, reply] of replies) {
    const lmtp = new LmtpDouble(t)
    lmtp.send(sent)
    await lmtp.until((lmtp) => lmtp.lines.length > 1)
    t.equal(lmtp.lines[1], reply, JSON.stringify(sent))
  }
  const lmtp = new LmtpDouble(t)
  lmtp.send('LHLO c\r\n')
  await lmtp.says('250 SIZE')
  const addresses: [string, string][] = [
    ['MAIL <a@x>', '501 5.5.4 Invalid FROM: FROM:<address> expected'],
    ['MAIL FROM:a@x', '501 5.5.4 Invalid FROM: Missing \'<\''],
    ['MAIL FROM: <a@x>', '501 5.5.4 Invalid FROM: Missing \'<\''],
    ['MAIL FROM:<a@x', '501 5.5.4 Invalid FROM: Missing \'>\''],
    ['MAIL FROM:<a@x@y>', '501 5.5.4 Invalid FROM: Missing \'>\''],
    ['MAIL FROM:<a@x>BODY=7BIT', '501 5.5.4 Invalid FROM: Blank expected after the path'],
    ['MAIL FROM:<a@x> BODY=BINARYMIME', '501 5.5.4 Invalid BODY parameter'],
    ['MAIL FROM:<a@x> SMTPUTF8', '555 5.5.4 Unsupported MAIL parameter'],
    ['MAIL FROM:<a@x> SIZE=1073741825', '552 5.3.4 Message size exceeds fixed limit'],
    [`MAIL FROM:<${'a'.repeat(1025)}>`, '501 5.5.4 Invalid FROM: Address too long'],
    ['MAIL FROM:<@relay,@other:"a b\\"c"@[192.0.2.1]>', '250 2.1.0 OK'],
    ['RCPT TO:<>', '501 5.5.4 Invalid TO: Empty address'],
    ['RCPT TO:<b@x> NOTIFY=NEVER', '555 5.5.4 Unsupported RCPT parameter'],
    ['RCPT TO:<grün@exämple.com>', '250 2.1.5 OK'],
    ['RCPT TO:<Postmaster>', '250 2.1.5 OK'],
    ['RCPT TO:<+x@y>', '250 2.1.5 OK'],
    ['RCPT TO:<"a+b+c"@y>', '250 2.1.5 OK'],
  ]
  for (const [sent, reply] of addresses) {
    const { length } = lmtp.lines
    lmtp.send(`${sent}\r\n`)
    await lmtp.until((lmtp) => lmtp.lines.length > length)
    t.equal(lmtp.lines.at(-1), reply, sent)
  }
  t.same(lmtp.lookups.map((lookup) => lookup.username), ['grün@exämple.com', 'Postmaster', '+x@y', 'a@y'])
})

t.test('lmtp_client_workarounds', async (t) => {
  const lmtp = new LmtpDouble(t, { settings: { lmtp_client_workarounds: ['whitespace-before-path', 'mailbox-for-path'] } })
  lmtp.send('LHLO c\r\nMAIL FROM: <a@x>\r\nRCPT TO: b@x\r\n')
  await lmtp.says('250 2.1.5')
  t.equal(lmtp.lookups[0]?.username, 'b@x')
})

t.test('long lines are answered once and skipped', async (t) => {
  const lmtp = new LmtpDouble(t)
  lmtp.send(`NOOP ${'x'.repeat(100_000)}`, 1000)
  await lmtp.says('500 5.5.2 Line too long')
  lmtp.send('QUIT\r\nNOOP\r\n')
  await lmtp.says('250 2.0.0 OK')
  t.equal(lmtp.lines.length, 3)
  const input = new Input()
  input.push(Buffer.from('12345\r\n123456\r\n12\n'))
  const lines = [1, 2, 3, 4].map(() => { const line = input.line(5); return typeof line === 'string' ? line : Buffer.from(line).toString() })
  t.same(lines, ['12345', 'too-long', '12', 'incomplete'])
})

t.test('too many bad commands', async (t) => {
  const lmtp = new LmtpDouble(t)
  lmtp.send(`${'FOO\r\n'.repeat(19)}NOOP\r\n${'FOO\r\n'.repeat(30)}`)
  await lmtp.until((lmtp) => lmtp.closed)
  t.equal(lmtp.lines.filter((line) => line.startsWith('500')).length, 39)
  t.equal(lmtp.lines.at(-1), '421 4.7.0 Too many invalid commands')
  t.equal(lmtp.ended, 1)
})

t.test('too many recipients', async (t) => {
  const lmtp = new LmtpDouble(t)
  lmtp.send(`LHLO c\r\nMAIL FROM:<a@x>\r\n${'RCPT TO:<b@x>\r\n'.repeat(1001)}`)
  await lmtp.says('452 4.5.3 Too many recipients')
  t.equal(lmtp.lines.filter((line) => line === '250 2.1.5 OK').length, 1000)
})
