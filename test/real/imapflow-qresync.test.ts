// imapflow with QRESYNC: a client that was away is told what has vanished and what has changed. RFC 7162 §3.2.5, §3.2.10.

import { ImapFlow } from 'imapflow'
import { deliverLetters } from '../fixtures/deliver.ts'
import { password } from '../fixtures/server.ts'
import { clientTest } from './client-test.ts'

const user = 'imapflow-qresync@example.com'

interface Expunged { uid?: number; seq?: number; vanished?: boolean; earlier?: boolean }
interface Changed { uid?: number; seq: number; flags?: Set<string> }

clientTest('imapflow with QRESYNC', [], async (t, { server }) => {
  await deliverLetters(server.lmtpPort, user, 1, 6)
  const connect = async (qresync: boolean): Promise<ImapFlow> => {
    const client = new ImapFlow({ host: '127.0.0.1', port: server.imapPort, secure: false, auth: { user, pass: password }, logger: false, qresync })
    await client.connect()
    t.teardown(() => client.close())
    return client
  }
  const first = await connect(true)
  const { uidValidity, highestModseq } = await first.mailboxOpen('INBOX')
  t.ok(highestModseq, 'HIGHESTMODSEQ')
  await first.logout()

  const other = await connect(false)
  await other.mailboxOpen('INBOX')
  await other.messageDelete('2,4', { uid: true })
  await other.messageFlagsAdd('5', ['\\Flagged'], { uid: true })

  const second = await connect(true)
  const expunged: Expunged[] = []
  const changed: Changed[] = []
  second.on('expunge', (event: Expunged) => { expunged.push(event) })
  second.on('flags', (event: Changed) => { changed.push(event) })
  // The types of imapflow do not know these options of mailboxOpen.
  const options = { changedSince: String(highestModseq), uidValidity } as unknown as { readOnly?: boolean }
  const inbox = await second.mailboxOpen('INBOX', options)
  t.equal(inbox.exists, 4)
  t.same(expunged.map(({ uid, vanished, earlier }) => ({ uid, vanished, earlier })), [2, 4].map((uid) => ({ uid, vanished: true, earlier: true })), 'vanished while it was away')
  t.same(changed.map(({ uid, flags }) => [uid, [...flags ?? []]]), [[5, ['\\Flagged']]], 'changed while it was away')

  expunged.length = 0
  await other.messageDelete('1', { uid: true })
  await second.noop()
  t.match(expunged, [{ uid: 1, vanished: true, earlier: false }], 'vanishes before its eyes')
  t.equal(second.mailbox && second.mailbox.exists, 3)
  await other.logout()
  await second.logout()
})
