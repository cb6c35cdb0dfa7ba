// Every transcript, against the whole server on Node.

import t from 'tap'
import { TestServer } from '../fixtures/server.ts'
import { playTranscript, sideBySide, transcriptFiles } from './play.ts'

const server = await TestServer.start({ runtime: 'node' })
t.teardown(() => server.stop())

t.jobs = sideBySide
for (const file of transcriptFiles()) {
  void t.test(file, { buffered: true }, async (t) => {
    await playTranscript(server, file)
    t.pass('as written')
  })
}
