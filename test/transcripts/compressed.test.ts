// Every IMAP transcript over COMPRESS=DEFLATE: the client is zlib's streams, and whatever the session says stays the same.

import t from 'tap'
import { TestServer } from '../fixtures/server.ts'
import { canBeCompressed, playTranscript, sideBySide, transcriptFiles } from './play.ts'

const server = await TestServer.start({ runtime: 'node' })
t.teardown(() => server.stop())

t.jobs = sideBySide
for (const file of transcriptFiles().filter(canBeCompressed)) {
  void t.test(file, { buffered: true }, async (t) => {
    await playTranscript(server, file, true)
    t.pass('as written')
  })
}
