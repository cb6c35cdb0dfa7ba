// FETCH and SEARCH in sessions over the real engine: what the client sees, and what it costs.

import t from 'tap'
import { imapEngine } from '../../fixtures/imap-engine.ts'
import type { ImapClient } from '../../fixtures/imap-session.ts'
import { mails } from './mails.ts'

const crlf = (mail: string): string => mail.replaceAll('\n', '\r\n')

/** The tagged answer as it went over the wire, times and cost with it. */
async function tagged(client: ImapClient, command: string): Promise<string> {
  client.send(`x ${command}\r\n`)
  return client.until(/(^|\n)x [^\n]*\r\n/)
}

async function filled(t: Parameters<typeof imapEngine>[0]): Promise<{ client: ImapClient; other: ImapClient }> {
  const { login } = await imapEngine(t, { mail_prefetch_count: 4 })
  const client = await login()
  for (const mail of mails) {
    const bytes = crlf(mail)
    const answer = await client.say(`APPEND INBOX {${bytes.length}+}\r\n${bytes}`)
    if (!answer.at(-1)!.startsWith('OK')) throw new Error(answer.join())
  }
  await client.say('SELECT INBOX')
  const other = await login()
  await other.say('SELECT INBOX')
  return { client, other }
}

t.test('what was appended is what is fetched, byte for byte', async (t) => {
  const { client } = await filled(t)
  const answer = await tagged(client, 'FETCH 1:* BODY.PEEK[]')
  t.equal(answer.replace(/x OK .*\r\n$/, ''), mails.map((mail, i) => `* ${i + 1} FETCH (BODY[] {${crlf(mail).length}}\r\n${crlf(mail)})\r\n`).join(''))
  t.match(answer, new RegExp(`x OK Fetch completed \\(.*, ${mails.length} req\\)`))
})

t.test('headers, structures and searches through them cost no request', async (t) => {
  const { client } = await filled(t)
  t.notMatch(await tagged(client, 'FETCH 1:* (UID ALL BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)])'), /req/)
  t.notMatch(await tagged(client, 'FETCH 1:* (UID BODYSTRUCTURE)'), /req/)
  const found = await tagged(client, 'SEARCH SUBJECT hello')
  t.match(found, /^\* SEARCH 1\r\n/)
  t.notMatch(found, /req/)
  t.match(await tagged(client, 'SEARCH BODY "line two"'), /^\* SEARCH 1\r\nx OK Search completed \(.*req\)/)
})

t.test('\\Seen by a FETCH is told to both sessions, with the UID where UIDs are spoken', async (t) => {
  const { client, other } = await filled(t)
  t.strictSame((await client.say('UID FETCH 1 BODY[TEXT]')).slice(-2), ['* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent))', 'OK Fetch completed.'])
  t.strictSame(await other.say('NOOP'), ['* 1 FETCH (FLAGS (\\Seen))', 'OK NOOP completed.'])
  t.strictSame((await client.say('FETCH 1 BODY[TEXT]')).at(-1), 'OK Fetch completed.')
  t.strictSame(await other.say('NOOP'), ['OK NOOP completed.'], 'already seen: nothing changes')
})

t.test('expunged by another session', async (t) => {
  const { client, other } = await filled(t)
  await other.say('STORE 2 +FLAGS.SILENT (\\Deleted)')
  await other.say('EXPUNGE')
  t.strictSame(await client.say('FETCH 1:3 UID'), [
    '* 1 FETCH (UID 1)', '* 3 FETCH (UID 3)', 'OK [EXPUNGEISSUED] Some of the requested messages no longer exist.',
  ])
  t.strictSame(await client.say('SEARCH 1:3'), ['* SEARCH 1 3', 'OK [EXPUNGEISSUED] Search completed.'])
  t.strictSame(await client.say('UID SEARCH 1:3'), ['* SEARCH 1 3', '* 2 EXPUNGE', 'OK Search completed.'])
  t.strictSame(await client.say('FETCH 1:2 UID'), ['* 1 FETCH (UID 1)', '* 2 FETCH (UID 3)', 'OK Fetch completed.'])
})

t.test('what is wrong is BAD and breaks nothing', async (t) => {
  const { client } = await filled(t)
  for (const bad of ['FETCH', 'FETCH 0 FLAGS', 'FETCH 99 FLAGS', 'FETCH 1 FOO', 'FETCH 1 (FLAGS', 'UID FETCH x FLAGS', 'SEARCH', 'SEARCH FOO', 'UID SEARCH (ALL']) {
    t.match((await client.say(bad)).at(-1), /^BAD /, bad)
    await client.say('NOOP')
  }
})
