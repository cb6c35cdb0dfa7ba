// The transcripts in which mailboxes change, with sessions that fall asleep whenever they can (imap_hibernate_timeout): nothing may differ.

import t from 'tap'
import { TestServer } from '../fixtures/server.ts'
import { playTranscript, sideBySide, transcriptFiles } from './play.ts'

const folders = ['bad-input', 'condstore', 'context', 'copy-move', 'idle', 'notify', 'qresync', 'search', 'searchres', 'select', 'sessions', 'store', 'uidonly']

const server = await TestServer.start({ config: 'imap_hibernate_timeout = 1 msecs', workers: 2 })
t.teardown(() => server.stop())

t.jobs = sideBySide
for (const file of transcriptFiles().filter((one) => folders.some((folder) => one.startsWith(`imap/${folder}/`)))) {
  void t.test(file, { buffered: true }, async (t) => {
    await playTranscript(server, file)
    t.pass('as written')
  })
}
