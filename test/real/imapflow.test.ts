// imapflow (npm): the client of modern Node programs: IDLE, append, fetch streams, flags, move, search, mailbox changes.

import net from 'node:net'
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

clientTest('imapflow compresses by itself', [], async (t, { server }) => {
  const link = await counted(t, server.imapPort)
  const client = new ImapFlow({ host: '127.0.0.1', port: link.port, secure: false, auth: { user: 'deflate@example.com', pass: password }, logger: false })
  await client.connect()
  t.teardown(() => client.close())
  t.ok(client.capabilities.has('COMPRESS=DEFLATE'))
  const text = Array.from({ length: 60_000 }, (_, i) => `line ${i * 7919 % 60_000} of a mail that is larger than every window\r\n`).join('')
  const appended = await client.append('INBOX', `Subject: large\r\n\r\n${text}`)
  t.ok(appended && appended.uid === 1)
  await client.mailboxOpen('INBOX')
  const arrived = new Promise<number>((resolve) => client.once('exists', (data: { count: number }) => resolve(data.count)))
  const idling = client.idle()
  await deliverLetters(server.lmtpPort, 'deflate@example.com', 1, 1)
  t.equal(await arrived, 2, 'IDLE tells at once')
  await client.noop()
  await idling
  const fetched = await client.fetchOne('1', { source: true })
  t.ok(fetched && fetched.source?.toString() === `Subject: large\r\n\r\n${text}`, 'every byte there and back')
  const { sent, received } = link
  t.comment(`${text.length} bytes of text there and back: ${sent} sent, ${received} received`)
  t.ok(sent < text.length / 2 && received < text.length / 2, 'compressed both ways')
  await client.logout()
})

/** A way to the server that counts the bytes on it. */
async function counted(t: { teardown(action: () => void): unknown }, to: number): Promise<{ port: number; sent: number; received: number }> {
  const link = { port: 0, sent: 0, received: 0 }
  const listener = net.createServer((near) => {
    const far = net.connect(to, '127.0.0.1')
    near.on('data', (bytes: Buffer) => { link.sent += bytes.length })
    far.on('data', (bytes: Buffer) => { link.received += bytes.length })
    near.pipe(far).pipe(near)
    for (const [one, other] of [[near, far], [far, near]] as const) one.on('error', () => other.destroy())
  })
  await new Promise<void>((resolve) => { listener.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { listener.close() })
  link.port = (listener.address() as net.AddressInfo).port
  return link
}
