// SELECT, APPEND, STORE, COPY, MOVE, EXPUNGE, CLOSE and what several sessions hear of each other, over the real user actor.

import t from 'tap'
import { append, imapEngine } from '../../fixtures/imap-engine.ts'
import type { ImapClient } from '../../fixtures/imap-session.ts'

const last = (lines: string[]): string | undefined => lines.at(-1)
/** UIDVALIDITY is the server's choice. */
const plain = (lines: string[]): string[] => lines.map((line) => line.replace(/(UIDVALIDITY|APPENDUID|COPYUID) \d+/, '$1 V').replace(/(MAILBOXID) \(\w+\)/, '$1 (ID)'))
const say = async (c: ImapClient, said: string): Promise<string[]> => plain(await c.say(said))

t.test('SELECT and EXAMINE', async (t) => {
  const { login } = await imapEngine(t)
  const c = await login()
  t.same(await say(c, 'SELECT INBOX'), [
    '* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)', '* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] Flags permitted.',
    '* 0 EXISTS', '* 0 RECENT', '* OK [UIDVALIDITY V] UIDs valid', '* OK [UIDNEXT 1] Predicted next UID', '* OK [MAILBOXID (ID)] Mailbox ID', '* OK [HIGHESTMODSEQ 1] Highest', 'OK [READ-WRITE] Select completed.'])
  await append(c, 'INBOX', '(\\Seen)')
  await append(c, 'INBOX', '($Junk)')
  t.same(await say(c, 'EXAMINE INBOX'), ['* OK [CLOSED] Previous mailbox closed.',
    '* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Junk)', '* OK [PERMANENTFLAGS ()] Read-only mailbox.',
    '* 2 EXISTS', '* 0 RECENT', '* OK [UNSEEN 2] First unseen.', '* OK [UIDVALIDITY V] UIDs valid', '* OK [UIDNEXT 3] Predicted next UID', '* OK [MAILBOXID (ID)] Mailbox ID', '* OK [HIGHESTMODSEQ 3] Highest', 'OK [READ-ONLY] Examine completed.'])
  for (const said of ['STORE 1 +FLAGS (\\Seen)', 'EXPUNGE', 'UID EXPUNGE 1', 'MOVE 1 INBOX']) t.match(last(await c.say(said)), /^NO \[READ-ONLY\]/, said)
  t.match(last(await c.say('SELECT nowhere')), /^NO \[NONEXISTENT\]/)
  t.equal(last(await c.say('CHECK')), 'BAD No mailbox selected.', 'a failed SELECT leaves none selected')
})

t.test('APPEND', async (t) => {
  const { login } = await imapEngine(t)
  const c = await login()
  await c.say('SELECT INBOX')
  c.send('a APPEND INBOX (\\Flagged $Work) "17-Jul-1996 02:44:25 -0700" {8}\r\n')
  t.equal(await c.until(/\r\n/), '+ OK\r\n')
  c.send('a: b\r\n\r\n')
  t.equal(c.heard.endsWith('+ OK\r\n'), true, 'the line end after the literal is waited for')
  c.send('\r\n')
  t.same(plain(await c.answer('a')), ['* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Work)',
    '* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Work \\*)] Flags permitted.',
    '* 1 EXISTS', '* 1 RECENT', 'OK [APPENDUID V 1] Append completed.'])
  t.same(await say(c, 'FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])'),
    ['* 1 FETCH (FLAGS (\\Flagged \\Recent $Work) INTERNALDATE "17-Jul-1996 09:44:25 +0000" RFC822.SIZE 8 BODY[] {8}', 'a: b', '', ')', 'OK Fetch completed.'])
  t.match(last(await c.say('APPEND nowhere {5}')), /^NO \[TRYCREATE\]/, 'the literal is not asked for')
  t.match(last(await c.say('APPEND nowhere {9+}\r\nx LOGOUT\r')), /^NO \[TRYCREATE\]/, 'it is swallowed')
  t.match(last(await c.say('APPEND INBOX (\\Seen {3+}\r\nabc')), /^BAD/)
  t.match(last(await c.say('APPEND INBOX {3+}\r\nabc x')), /^BAD .*Expected/)
  t.match(last(await c.say('APPEND INBOX {3+}\r\nabc (\\Seen) x {11+}\r\nx LOGOUT\r\n\n')), /^BAD .*Expected/)
  t.match(last(await c.say('APPEND INBOX')), /^BAD/)
  t.match(last(await c.say('APPEND INBOX "not a literal"')), /^BAD/)
  t.match(last(await c.say('APPEND {5+}\r\nINBOX {4+}\r\na: b')), /^OK \[APPENDUID \d+ 2\]/, 'a literal as name')
  t.match(last(await c.say('APPEND INBOX {0+}\r\n')), /^NO Can't save/)
  t.match(last(await c.say('APPEND INBOX {2000000000}')), /^NO \[TOOBIG\]/)
  t.same(await say(c, 'STATUS INBOX (MESSAGES)'), ['* STATUS INBOX (MESSAGES 2)', 'OK Status completed.'], 'refused messages are not there')
})

t.test('a large APPEND is spooled and removed', async (t) => {
  const { login, world } = await imapEngine(t)
  const c = await login()
  const line = `${'x'.repeat(998)}\r\n`
  c.send(`a APPEND INBOX {${line.length * 2000}+}\r\n`)
  for (let i = 0; i < 2000; i++) {
    c.send(line)
    if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  c.send('\r\nb NOOP\r\n')
  t.match(last(await c.answer('a')), /^OK \[APPENDUID/)
  await c.answer('b')
  t.same(await world.effects.files.list(`${world.directory}/tmp`), [])
  t.same(await say(c, 'SELECT INBOX').then(() => say(c, 'FETCH 1 RFC822.SIZE')), ['* 1 FETCH (RFC822.SIZE 2000000)', 'OK Fetch completed.'])
  c.send('c APPEND INBOX {1000000+}\r\n')
  for (let i = 0; i < 500; i++) c.send(line)
  await new Promise((resolve) => setImmediate(resolve))
  c.hangup()
  await c.end()
  while ((await world.effects.files.list(`${world.directory}/tmp`)).length > 0) await new Promise((resolve) => setImmediate(resolve))
})

t.test('STORE', async (t) => {
  const { login } = await imapEngine(t)
  const c = await login()
  for (let i = 0; i < 3; i++) await append(c)
  await c.say('SELECT INBOX')
  t.same(await say(c, 'STORE 1:2 +FLAGS (\\Seen)'), ['* 1 FETCH (FLAGS (\\Seen \\Recent))', '* 2 FETCH (FLAGS (\\Seen \\Recent))', 'OK Store completed.'])
  t.same(await say(c, 'UID STORE 2:3 FLAGS \\Flagged'), ['* 2 FETCH (UID 2 FLAGS (\\Flagged \\Recent))', '* 3 FETCH (UID 3 FLAGS (\\Flagged \\Recent))', 'OK Store completed.'])
  t.same(await say(c, 'STORE 2 -FLAGS (\\Flagged)'), ['* 2 FETCH (FLAGS (\\Recent))', 'OK Store completed.'])
  t.same(await say(c, 'STORE 2 -FLAGS.SILENT (\\Flagged)'), ['OK Store completed.'])
  t.same(await say(c, 'STORE 2 +FLAGS.SILENT (\\Draft)'), ['OK Store completed.'])
  t.same(await say(c, 'NOOP'), ['OK NOOP completed.'])
  t.same(await say(c, 'STORE 1 +FLAGS (new)'), ['* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft new)',
    '* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft new \\*)] Flags permitted.', '* 1 FETCH (FLAGS (\\Seen \\Recent new))', 'OK Store completed.'])
  t.same(await say(c, 'UID STORE 99 +FLAGS (\\Seen)'), ['OK Store completed.'])
  t.match(last(await c.say('STORE 9 +FLAGS (\\Seen)')), /^BAD .*Invalid messageset/)
  t.match(last(await c.say('STORE 1 FROB (\\Seen)')), /^BAD/)
  t.match(last(await c.say('STORE 1 +FLAGS (\\Recent)')), /^BAD .*Invalid system flag/)
})

t.test('COPY and MOVE', async (t) => {
  const { login } = await imapEngine(t)
  const c = await login()
  await c.say('CREATE other')
  for (let i = 0; i < 4; i++) await append(c)
  await c.say('SELECT INBOX')
  t.same(await say(c, 'COPY 1:2,4 other'), ['OK [COPYUID V 1:2,4 1:3] Copy completed.'])
  t.same(await say(c, 'UID COPY 3,77 other'), ['OK [COPYUID V 3 4] Copy completed.'])
  t.same(await say(c, 'UID COPY 77 other'), ['OK No messages found.'])
  t.match(last(await c.say('COPY 1 nowhere')), /^NO \[TRYCREATE\]/)
  t.match(last(await c.say('COPY 9 other')), /^BAD/)
  t.same(await say(c, 'MOVE 2:3 other'), ['* OK [COPYUID V 2:3 5:6] Moved UIDs.', '* 3 EXPUNGE', '* 2 EXPUNGE', 'OK Move completed.'])
  t.same(await say(c, 'UID MOVE 4 other'), ['* OK [COPYUID V 4 7] Moved UIDs.', '* 2 EXPUNGE', 'OK Move completed.'])
  t.match(last(await c.say('MOVE 1 nowhere')), /^NO \[TRYCREATE\]/)
  t.same(await say(c, 'STATUS other (MESSAGES UIDNEXT)'), ['* STATUS other (MESSAGES 7 UIDNEXT 8)', 'OK Status completed.'])
})

t.test('EXPUNGE, UID EXPUNGE, CLOSE, UNSELECT', async (t) => {
  const { login } = await imapEngine(t)
  const c = await login()
  for (let i = 0; i < 6; i++) await append(c, 'INBOX', i === 1 ? '' : '(\\Deleted)')
  await c.say('SELECT INBOX')
  t.same(await say(c, 'UID EXPUNGE 2:3'), ['* 3 EXPUNGE', 'OK Expunge completed.'])
  t.same(await say(c, 'EXPUNGE'), ['* 5 EXPUNGE', '* 4 EXPUNGE', '* 3 EXPUNGE', '* 1 EXPUNGE', 'OK Expunge completed.'])
  await c.say('STORE 1 +FLAGS (\\Deleted)')
  t.same(await say(c, 'UNSELECT'), ['OK Unselect completed.'])
  t.match(await c.say('STATUS INBOX (MESSAGES)'), ['* STATUS INBOX (MESSAGES 1)'])
  await c.say('SELECT INBOX')
  t.same(await say(c, 'CLOSE'), ['OK Close completed.'])
  t.match(await c.say('STATUS INBOX (MESSAGES)'), ['* STATUS INBOX (MESSAGES 0)'])
})

t.test('two sessions see each other, where the RFC lets them', async (t) => {
  const { login } = await imapEngine(t)
  const [a, b] = [await login(), await login()]
  for (let i = 0; i < 3; i++) await append(a)
  await a.say('SELECT INBOX')
  await b.say('SELECT INBOX')
  await b.say('STORE 2 +FLAGS (\\Deleted)')
  await b.say('EXPUNGE')
  await append(b)
  t.same(await say(a, 'FETCH 1 UID'), ['* 1 FETCH (UID 1)', 'OK Fetch completed.'], 'EXPUNGE is not told in FETCH, nor EXISTS past it')
  t.same(await say(a, 'COPY 2 INBOX'), ['* 2 EXPUNGE', '* 3 EXISTS', '* 2 RECENT', 'NO [EXPUNGEISSUED] Some of the requested messages no longer exist.'],
    'but in COPY, whose number is no more; nothing was copied')
  t.same(await say(b, 'STORE 1 +FLAGS.SILENT (\\Seen)'), ['OK Store completed.'])
  t.same(await say(a, 'NOOP'), ['* 1 FETCH (FLAGS (\\Seen \\Recent))', 'OK NOOP completed.'])
})

t.test('IDLE tells at once, and commands may follow DONE in its packet', async (t) => {
  const { login } = await imapEngine(t)
  const [a, b] = [await login(), await login()]
  await a.say('SELECT INBOX')
  a.send('i IDLE\r\n')
  await a.until(/\+ idling\r\n/)
  await append(b)
  await append(b)
  t.match(await a.until(/1 EXISTS\r\n/), /\* 1 EXISTS/)
  await a.until(/2 EXISTS\r\n/)
  await b.say('SELECT INBOX')
  await b.say('STORE 1 +FLAGS (\\Deleted)')
  await a.until(/1 FETCH \(FLAGS \(\\Deleted.*\)\)\r\n/)
  await b.say('EXPUNGE')
  await a.until(/\* 1 EXPUNGE\r\n/)
  a.send('DONE\r\nj NOOP\r\nk IDLE\r\n')
  t.match(await a.until(/idling\r\n/), /^i OK Idle completed.*\r\nj OK NOOP completed.*\r\n\+ idling\r\n$/)
  a.send('done\r\nl IDLE\r\nFROB\r\n')
  t.match(await a.until(/l BAD.*\r\n/), /^k OK.*\r\n\+ idling\r\nl BAD Expected DONE/)
})

t.test('several sessions idle on different mailboxes', async (t) => {
  const { login } = await imapEngine(t)
  const [a, b, c] = [await login(), await login(), await login()]
  await c.say('CREATE other')
  await a.say('SELECT INBOX')
  await b.say('SELECT other')
  for (const one of [a, b]) { one.send('i IDLE\r\n'); await one.until(/idling\r\n/) }
  await append(c, 'other')
  t.match(await b.until(/RECENT\r\n/), /1 EXISTS/)
  await append(c, 'INBOX')
  t.equal(await a.until(/RECENT\r\n/), '* 1 EXISTS\r\n* 1 RECENT\r\n', 'and nothing of the other')
})

t.test('a selected mailbox is deleted by another session', async (t) => {
  const { login } = await imapEngine(t)
  const [a, b] = [await login(), await login()]
  await a.say('CREATE x')
  await a.say('SELECT x')
  await b.say('DELETE x')
  a.send('n NOOP\r\n')
  t.match(await a.end(), /\* BYE Selected mailbox was deleted, have to disconnect\.\r\n$/)
})

t.test('times and requests in the tagged reply', async (t) => {
  const { login } = await imapEngine(t)
  const c = await login()
  c.send('a APPEND INBOX {4+}\r\na: b\r\n')
  t.match(await c.until(/a OK.*\r\n/), /^a OK \[APPENDUID \d+ 1\] Append completed \(0\.\d{3} \+ 0\.\d{3} secs, 1 req\)\.\r\n$/)
  c.send('b SELECT INBOX\r\n')
  t.match(await c.until(/b OK.*\r\n/), /Select completed \(0\.\d{3} \+ 0\.\d{3} secs\)\.\r\n$/, 'a warm SELECT makes no request')
})

t.test('LITERAL-', async (t) => {
  const { login } = await imapEngine(t, { imap_literal_minus: true })
  const c = await login()
  t.match((await c.say('CAPABILITY'))[0], / LITERAL- /)
  const text = `a: ${'x'.repeat(4093)}`
  t.match(last(await c.say(`APPEND INBOX {4096+}\r\n${text}`)), /^OK/, 'as much as may be sent unasked')
  t.match(last(await c.say(`APPEND INBOX {4097+}\r\n${text}x`)), /^BAD Non-synchronizing literal is too large/)
  t.match(last(await c.say(`APPEND INBOX {4096+}\r\n${text} {4097+}\r\n${text}x`)), /^BAD Non-synchronizing literal is too large/)
  t.match(last(await c.say(`CREATE {4097+}\r\n${text}x`)), /^BAD Non-synchronizing literal is too large/)
  t.same(await say(c, 'STATUS INBOX (MESSAGES)'), ['* STATUS INBOX (MESSAGES 1)', 'OK Status completed.'], 'what was refused is swallowed')
})
