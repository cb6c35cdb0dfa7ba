// imapflow (npm): the client of modern Node programs: IDLE, append, fetch streams, flags, move, search, mailbox changes.

import { ImapFlow } from 'imapflow'
import { deliverLetters, letter } from '../fixtures/deliver.ts'
import { password } from '../fixtures/server.ts'
import { clientTest } from './client-test.ts'

const user = 'imapflow@example.com'

clientTest('imapflow', [], async (t, { server }) => {
  await deliverLetters(server.lmtpPort, user, 1, 5)
  const client = new ImapFlow({ host: '127.0.0.1', port: server.imapPort, secure: false, auth: { user, pass: password }, logger: false })
  await client.connect()
  t.teardown(() => client.close())

  const inbox = await client.mailboxOpen('INBOX')
  t.equal(inbox.exists, 5)
  const list = await client.list()
  t.match(list.find((box) => box.path === 'Sent')?.specialUse, '\\Sent', 'special use')

  const subjects: (string | undefined)[] = []
  for await (const message of client.fetch('1:*', { envelope: true, bodyStructure: true, flags: true, size: true })) subjects.push(message.envelope?.subject)
  t.same(subjects, [1, 2, 3, 4, 5].map((n) => `letter ${n}`), 'envelopes')

  const arrived = new Promise<number>((resolve) => client.once('exists', (data: { count: number }) => resolve(data.count)))
  const idling = client.idle()
  await deliverLetters(server.lmtpPort, user, 6, 6)
  t.equal(await arrived, 6, 'IDLE tells of a delivery at once')
  await client.noop()
  await idling

  const appended = await client.append('Drafts', letter('draft'), ['\\Draft', '\\Seen'])
  t.ok(appended && appended.uid === 1 && appended.uidValidity, 'APPENDUID')
  const download = await client.download('2')
  let body = ''
  for await (const chunk of download.content!) body += String(chunk)
  t.match(body, /This is letter 2\./, 'download')

  await client.messageFlagsAdd('3', ['\\Flagged', '$Work'])
  t.same(await client.search({ flagged: true }), [3], 'search by flag')
  t.same(await client.search({ keyword: '$Work' }), [3], 'search by keyword')
  await client.mailboxCreate('Archive/2026')
  const moved = await client.messageMove('1:2', 'Archive/2026')
  t.ok(moved && moved.uidMap?.size === 2, 'MOVE gives the new UIDs')
  const status = await client.status('Archive/2026', { messages: true, uidNext: true })
  t.match(status, { messages: 2, uidNext: 3 })
  await client.messageDelete('1')
  t.equal(client.mailbox && client.mailbox.exists, 3, 'expunged')
  await client.mailboxRename('Archive/2026', 'Archive/Old')
  t.ok((await client.list()).some((box) => box.path === 'Archive/Old'))
  await client.mailboxDelete('Archive/Old')
  await client.logout()
})
