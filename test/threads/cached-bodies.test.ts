// A server with fscache and zlib_save: bodies are stored compressed, a mail just delivered is read without a request, and
// after a restart, a killed one too, the cache is still warm.

import fs from 'node:fs'
import path from 'node:path'
import os from 'node:os'
import zlib from 'node:zlib'
import t from 'tap'
import { filesIn } from '../fixtures/cached-store.ts'
import { letter, LmtpClient } from '../fixtures/deliver.ts'
import { LineClient } from '../fixtures/line-client.ts'
import { password, TestServer } from '../fixtures/server.ts'

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-cached-'))
t.teardown(() => fs.rmSync(directory, { recursive: true, force: true }))

for (const runtime of ['node', 'deno'] as const) {
  void t.test(runtime, { timeout: 100_000 }, async (t) => {
    const place = path.join(directory, runtime)
    fs.mkdirSync(place)
    const server = await TestServer.start({
      runtime, directory: place, workers: 1,
      store: `posix:prefix=${place}/objects/`,
      config: `mail_plugins = $mail_plugins zlib\nplugin {\n  obox_fs = fscache:10M:${place}/cache/%4Nu:posix:prefix=${place}/objects/\n  zlib_save = gz\n}\n`,
    })
    t.teardown(() => server.stop())
    t.notMatch(server.output, /no effect.*(zlib_save|mail_plugins)/)

    /** All of a FETCH's answer. */
    const fetched = async (): Promise<string> => {
      const client = await LineClient.connect(server.imapPort)
      await client.until(/^\* OK/)
      client.send(`a login dove ${password}\r\n`)
      await client.until(/^a OK/)
      client.send('b select inbox\r\n')
      await client.until(/^b OK/)
      client.send('c fetch 1 body.peek[text]\r\n')
      const answer = (await client.until(/^c OK/)).join('\n')
      client.close()
      return answer
    }

    const lmtp = await LmtpClient.connect(server.lmtpPort)
    t.match(await lmtp.deliver(['dove'], letter(1, 'coo '.repeat(5000))), [/^250/])
    await lmtp.close()
    const object = filesIn(`${place}/objects`).find((file) => file.includes('/mailboxes/') && !file.includes('/idx/') && !path.basename(file).startsWith('.'))!
    t.match(zlib.gunzipSync(fs.readFileSync(object)).toString(), /This is letter 1\./, 'the object is what gzip makes')

    const before = await fetched()
    t.match(before, /This is letter 1\.\s+coo coo/)
    t.notMatch(before, /\d req/, 'just delivered: no request')
    for (const end of ['terminate', 'kill'] as const) {
      await server[end]()
      // Were the store asked, it could not answer.
      fs.renameSync(object, `${place}/away`)
      await server.run()
      t.match(await fetched(), /This is letter 1\.\s+coo coo/, `warm after ${end}`)
      fs.renameSync(`${place}/away`, object)
    }
  })
}
