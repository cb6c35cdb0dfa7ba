// FETCH over many messages: \Seen, what costs a request, what happens when messages go or cannot be read, and pace.

import t from 'tap'
import { Buffer } from 'node:buffer'
import { Cancelled, ObjectNotFound, TempFail } from '../../../runtime/errors.ts'
import { limits } from '../../../runtime/limits.ts'
import fetch from '../../../actors/session/imap/commands/fetch.ts'
import { Flag } from '../../../actors/user/types.ts'
import { bench } from '../../fixtures/imap-command.ts'
import { ModelMails } from '../../fixtures/model-mails.ts'

const mail = 'From: a@b\nReceived: by x\nSubject: s\n\nbody\n'
const crlf = mail.replaceAll('\n', '\r\n')

function mailbox(count: number): ModelMails {
  const model = new ModelMails()
  for (let i = 0; i < count; i++) model.put(mail, 1577934245)
  return model
}

/** A message of one text part, with a field that the cache leaves out; `bytes` in all. */
const head = 'Received: x\r\n\r\n'
function large(bytes: number): Buffer {
  return Buffer.from(head + 'x'.repeat(bytes - head.length), 'latin1')
}

t.test('columns: flags, keywords, dates, sizes, macros', async (t) => {
  const model = mailbox(2)
  model.setFlags([2], Flag.Seen | Flag.Answered)
  const { say } = bench(model, fetch)
  t.equal(await say('FETCH 2 FAST'), '* 2 FETCH (FLAGS (\\Answered \\Seen \\Recent) INTERNALDATE " 2-Jan-2020 03:04:05 +0000" RFC822.SIZE 47)\r\nOK Fetch completed')
  t.equal(await say('FETCH 1:* (UID FLAGS UID)'), '* 1 FETCH (UID 1 FLAGS (\\Recent))\r\n* 2 FETCH (UID 2 FLAGS (\\Answered \\Seen \\Recent))\r\nOK Fetch completed')
  t.equal(await say('UID FETCH 2:* FLAGS'), '* 2 FETCH (UID 2 FLAGS (\\Answered \\Seen \\Recent))\r\nOK Fetch completed')
  t.equal(await say('UID FETCH 2 (FLAGS UID)'), '* 2 FETCH (FLAGS (\\Answered \\Seen \\Recent) UID 2)\r\nOK Fetch completed')
  t.match(await say('FETCH 1 ALL'), /FLAGS .* INTERNALDATE .* RFC822.SIZE 47 ENVELOPE \(/)
  t.match(await say('FETCH 1 FULL'), /ENVELOPE \(.*\) BODY \(/)
  t.equal(await say('UID FETCH 7 FLAGS'), 'OK Fetch completed', 'a UID that is not there is no error')
  t.equal(await say('FETCH 3 FLAGS'), 'BAD Invalid messageset')
})

t.test('reading a body marks as \\Seen, by one change; PEEK, headers and EXAMINE do not', async (t) => {
  const model = mailbox(4)
  model.setFlags([2], Flag.Seen)
  const { say } = bench(model, fetch)
  await say('FETCH 1:* (BODY.PEEK[] RFC822.HEADER BODYSTRUCTURE)')
  t.strictSame([...model.flags], [0, 1, 0, 0])
  await bench(model, fetch, { readOnly: true }).say('FETCH 1:* BODY[]')
  t.strictSame([...model.flags], [0, 1, 0, 0])
  await say('FETCH 1:2 BODY[TEXT]')
  t.strictSame([...model.flags], [1, 1, 0, 0])
  await say('FETCH 3 RFC822.TEXT')
  await say('FETCH 4 RFC822')
  t.strictSame([...model.flags], [1, 1, 1, 1])
})

t.test('what the cache and the columns know costs no reading', async (t) => {
  const model = mailbox(1)
  const { say } = bench(model, fetch)
  await say('FETCH 1 (FLAGS UID RFC822.SIZE INTERNALDATE)')
  t.strictSame(model.requests, [])
  t.equal(await say('FETCH 1 (ENVELOPE BODY.PEEK[HEADER.FIELDS (FROM SUBJECT)] BODY.PEEK[HEADER.FIELDS.NOT (RECEIVED)])'),
    '* 1 FETCH (ENVELOPE (NIL "s" ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) NIL NIL NIL NIL NIL)'
    + ' BODY[HEADER.FIELDS (FROM SUBJECT)] {25}\r\nFrom: a@b\r\nSubject: s\r\n\r\n'
    + ' BODY[HEADER.FIELDS.NOT (RECEIVED)] {25}\r\nFrom: a@b\r\nSubject: s\r\n\r\n)\r\nOK Fetch completed')
  t.strictSame(model.requests, ['summary 1'])
})

t.test('a field the cache leaves out is read from the header alone, once', async (t) => {
  const model = mailbox(1)
  const answer = await bench(model, fetch).say('FETCH 1 (BODY.PEEK[HEADER.FIELDS (RECEIVED)] BODY.PEEK[HEADER.FIELDS.NOT (FROM)])')
  t.match(answer, /\{18\}\r\nReceived: by x\r\n\r\n/)
  t.match(answer, /\{30\}\r\nReceived: by x\r\nSubject: s\r\n\r\n/)
  t.strictSame(model.requests, ['summary 1', 'read 1 0-41'])
})

t.test('a whole message needs no summary; several sections of a short one are one reading', async (t) => {
  const model = mailbox(1)
  const { say } = bench(model, fetch)
  t.equal(await say('FETCH 1 BODY.PEEK[]'), `* 1 FETCH (BODY[] {47}\r\n${crlf})\r\nOK Fetch completed`)
  t.strictSame(model.requests.splice(0), ['read 1'])
  t.equal(await say('FETCH 1 (BODY.PEEK[TEXT] BODY.PEEK[] BODY.PEEK[HEADER])'),
    `* 1 FETCH (BODY[TEXT] {6}\r\nbody\r\n BODY[] {47}\r\n${crlf} BODY[HEADER] {41}\r\n${crlf.slice(0, 41)})\r\nOK Fetch completed`)
  t.strictSame(model.requests.splice(0), ['summary 1', 'read 1'])
  await say('FETCH 1 BODY.PEEK[]<4.4>')
  t.strictSame(model.requests, ['read 1 4-8'], 'a part of it is asked for as such')
})

t.test('a long message streams at the client\'s pace, sections in its order in one pass', async (t) => {
  const model = new ModelMails()
  const size = limits.memoryBodyBytes * 3
  const bytes = large(size)
  model.chunkBytes = 10_000
  model.put(bytes)
  const session = bench(model, fetch)
  let flushes = 0
  session.onFlush = () => { flushes++ }
  const answer = await session.say('FETCH 1 (BODY.PEEK[HEADER] BODY.PEEK[TEXT])')
  t.equal(answer, `* 1 FETCH (BODY[HEADER] {15}\r\n${head} BODY[TEXT] {${size - 15}}\r\n${'x'.repeat(size - 15)})\r\nOK Fetch completed`)
  t.strictSame(model.requests.filter((request) => request.startsWith('read')), ['read 1'])
  t.ok(flushes >= size / 10_000, 'it may wait for the client after every piece')
  model.requests.length = 0
  t.equal(await session.say('FETCH 1 (BODY.PEEK[] BODY.PEEK[HEADER])'),
    `* 1 FETCH (BODY[] {${size}}\r\n${bytes.toString('latin1')} BODY[HEADER] {15}\r\n${head})\r\nOK Fetch completed`)
})

t.test('a client that stops taking bytes stops the reading', async (t) => {
  const model = new ModelMails()
  model.chunkBytes = 10_000
  model.put(large(limits.memoryBodyBytes * 3))
  let read = 0
  model.obstacle = (_uid, offset) => { if (offset !== undefined) read = offset }
  const session = bench(model, fetch)
  let go = (): void => {}
  let stuck = 0
  session.onFlush = () => {
    if (++stuck !== 3) return
    return new Promise<void>((resolve) => { go = resolve })
  }
  const answered = session.say('FETCH 1 BODY.PEEK[]')
  while (stuck < 3) await new Promise((resolve) => { setImmediate(resolve) })
  const then = read
  for (let i = 0; i < 20; i++) await new Promise((resolve) => { setImmediate(resolve) })
  t.equal(read, then, 'nothing is read while the client waits')
  t.ok(then <= 50_000)
  go()
  t.match(await answered, /OK Fetch completed$/)
})

t.test('messages are prepared ahead, as many as mail_prefetch_count says, and answered in order', async (t) => {
  const model = mailbox(6)
  let open = 0
  let most = 0
  const waiting: (() => void)[] = []
  model.obstacle = async (_uid, offset) => {
    if (offset !== undefined) return
    most = Math.max(most, ++open)
    await new Promise<void>((resolve) => { waiting.push(resolve) })
    open--
  }
  const answered = bench(model, fetch, { settings: { mail_prefetch_count: 3 } }).say('FETCH 1:* BODY.PEEK[]')
  let done = false
  void answered.then(() => { done = true })
  while (!done) {
    await new Promise((resolve) => { setImmediate(resolve) })
    // The one asked for last is answered first.
    waiting.pop()?.()
  }
  t.equal(most, 3)
  t.strictSame([...(await answered).matchAll(/^\* (\d) FETCH/gm)].map((match) => match[1]), ['1', '2', '3', '4', '5', '6'])
})

t.test('messages expunged by another session: the others are answered, then OK [EXPUNGEISSUED]', async (t) => {
  const model = mailbox(3)
  const session = bench(model, fetch)
  model.remove([2])
  const expected = /^\* 1 FETCH [^]*\r\n\* 3 FETCH [^]*\r\nOK \[EXPUNGEISSUED\] Some of the requested messages no longer exist$/
  t.match(await session.say('FETCH 1:* FLAGS'), expected)
  t.match(await session.say('FETCH 1:* BODY[]'), expected)
  t.match(await session.say('FETCH 1:* ENVELOPE'), expected)
  t.strictSame([...model.flags], [1, 1], 'those sent are \\Seen')
  model.obstacle = (uid) => { if (uid === 3) { model.remove([3]); throw new ObjectNotFound('3') } }
  t.match(await session.say('FETCH 3 BODY[]'), /^OK \[EXPUNGEISSUED\]/, 'also if it goes while it is read')
})

t.test('the store away for one message: the others are answered, then NO [UNAVAILABLE]', async (t) => {
  const model = mailbox(3)
  const session = bench(model, fetch)
  model.obstacle = (uid) => { if (uid === 1) throw new TempFail('away') }
  t.match(await session.say('FETCH 1:* BODY[]'), /^\* 2 FETCH [^]*\* 3 FETCH [^]*NO \[UNAVAILABLE\] /)
  t.strictSame([...model.flags], [0, 1, 1])
  t.equal(session.events[0]?.name, 'imap.fetch_failed')
})

t.test('an unreadable message: imap_fetch_failure says what becomes of the rest', async (t) => {
  const model = mailbox(3)
  model.obstacle = (uid) => { if (uid === 2) throw new ObjectNotFound('2') }
  const say = (imap_fetch_failure: 'no-after' | 'disconnect-after' | 'disconnect-immediately'): Promise<string> =>
    bench(model, fetch, { settings: { imap_fetch_failure } }).say('FETCH 1:* BODY.PEEK[]')
  t.match(await say('no-after'), /^\* 1 FETCH [^]*\* 3 FETCH [^]*\nNO \[SERVERBUG\] Some messages could not be read$/)
  t.match(await say('disconnect-after'), /^\* 1 FETCH [^]*\* 3 FETCH [^]*\* BYE FETCH failed\r\nNO \[SERVERBUG\]/)
  const atOnce = await say('disconnect-immediately')
  t.match(atOnce, /^\* 1 FETCH [^]*\* BYE FETCH failed\r\nNO \[SERVERBUG\]/)
  t.notMatch(atOnce, /\* 3 FETCH/)
})

t.test('a stored size that is wrong is found before anything is said of a short message', async (t) => {
  for (const told of [46, 48]) {
    const model = new ModelMails()
    model.put(mail, 0, told)
    const session = bench(model, fetch, { settings: { imap_fetch_failure: 'no-after' } })
    t.equal(await session.say('FETCH 1 BODY[]'), 'NO [SERVERBUG] Some messages could not be read')
    t.match(session.events[0]?.text, /message UID 1 has (47|more) bytes/)
  }
})

t.test('inside a literal there is no way back: the connection is closed', async (t) => {
  const size = limits.memoryBodyBytes + 10
  for (const told of [size - 1, size + 1]) {
    const model = new ModelMails()
    model.chunkBytes = 50_000
    model.put(large(size), 0, told)
    const session = bench(model, fetch)
    const answer = await session.say('FETCH 1 BODY[]')
    t.ok(answer.endsWith('CLOSED'))
    t.match(session.events[0]?.text, /closed in the middle/)
    t.strictSame([...model.flags], [0])
  }
  const model = new ModelMails()
  model.chunkBytes = 50_000
  model.put(large(size))
  model.obstacle = (_uid, offset) => { if (offset === 50_000) throw new TempFail('away') }
  t.ok((await bench(model, fetch).say('FETCH 1 BODY[]')).endsWith('xxxCLOSED'))
  model.obstacle = (_uid, offset) => { if (offset === 0) throw new TempFail('away') }
  t.match(await bench(model, fetch).say('FETCH 1 BODY[]'), /^NO \[UNAVAILABLE\]/, 'before its first byte all is well')
})

t.test('a client that leaves in the middle of a message ends the reading, and is no error', async (t) => {
  const model = new ModelMails()
  model.chunkBytes = 10_000
  model.put(large(limits.memoryBodyBytes * 2))
  const session = bench(model, fetch)
  session.onFlush = () => { throw new Cancelled() }
  t.ok((await session.say('FETCH 1 BODY[]')).endsWith('CLOSED'))
  t.strictSame(session.events, [])
  t.equal(model.reading, 0, 'the store is released')
})

t.test('a bug is no message\'s failure', async (t) => {
  const model = mailbox(1)
  model.obstacle = () => { throw new RangeError('bug') }
  await t.rejects(bench(model, fetch).say('FETCH 1 BODY[]'), RangeError)
})
