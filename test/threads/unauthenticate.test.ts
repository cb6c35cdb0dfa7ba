// UNAUTHENTICATE on a server with several session workers: one connection goes from user to user, each at home on another worker,
// and whoever counts connections counts it once.

import net from 'node:net'
import zlib from 'node:zlib'
import t from 'tap'
import { LineClient } from '../fixtures/line-client.ts'
import { TestServer, password } from '../fixtures/server.ts'

const users = 24

t.test('one connection, many users on three workers', { timeout: 120_000 }, async (t) => {
  const server = await TestServer.start({ workers: 3, config: 'mail_max_userip_connections = 1\nimap_logout_format = in=%i out=%o' })
  t.teardown(() => server.stop())
  const client = await LineClient.connect(server.imapPort)
  await client.line()
  const login = async (user: string): Promise<string> => (await client.command('l', `LOGIN ${user}@example.com ${password}`)).at(-1)!
  for (let n = 0; n < users; n++) {
    if (n === users / 2) {
      t.match(await login('compressed'), /^l OK/)
      t.match((await client.command('z', 'COMPRESS DEFLATE')).at(-1), /^z OK/)
      client.compress()
      t.match((await client.command('u', 'UNAUTHENTICATE')).at(-1), /^u OK/)
      client.decompress()
    }
    const said = await login(`u${n}`)
    const others = await LineClient.connect(server.imapPort)
    await others.line()
    const second = (await others.command('l', `LOGIN u${n}@example.com ${password}`)).at(-1)!
    const message = `Subject: ${n}\r\n\r\n`
    const appended = (await client.command('a', `APPEND INBOX {${message.length}+}\r\n${message}`)).at(-1)!
    // The next login stands behind it in the same packet.
    void client.send(`u UNAUTHENTICATE\r\nl LOGIN u${n}@example.com ${password}\r\n`)
    const left = await client.until(/^l /)
    const status = await client.command('s', 'STATUS INBOX (MESSAGES)')
    const last = (await client.command('u', 'UNAUTHENTICATE')).at(-1)!
    others.close()
    t.match([said, second, appended, left[0], left[1], status[0], last], [/^l OK/, /^l NO \[LIMIT\] Maximum/, /^a OK/, /^u OK/, /^l OK/, /MESSAGES 1\)/, /^u OK/], `u${n}`)
  }
  t.match((await client.command('q', 'LOGOUT')).at(-1), /^q OK/)
  // What the log says of each: the login, and the end with the bytes of this login alone.
  await server.terminate()
  const log = server.output
  for (let n = 0; n < users; n++) {
    const lines = log.split('\n').filter((line) => line.includes(`u${n}@example.com`))
    t.equal(lines.filter((line) => line.includes('Login: user=')).length, 2, `u${n} logged in twice`)
    const ends = lines.filter((line) => line.includes('Disconnected: Unauthenticated'))
    t.equal(ends.length, 2, `and out twice`)
    const figures = ends.map((line) => /in=(\d+) out=(\d+)/.exec(line)!.slice(1).map(Number))
    t.ok(figures.every(([came, went]) => came! > 20 && came! < 200 && went! > 100 && went! < 3000), `u${n}: ${JSON.stringify(figures)}`)
  }
})

t.test('what stands behind it in the same packet is not compressed any more, however the client has ended its stream', async (t) => {
  const server = await TestServer.start({ workers: 1 })
  t.teardown(() => server.stop())
  const { Z_SYNC_FLUSH, Z_FINISH } = zlib.constants
  for (const finishFlush of [Z_SYNC_FLUSH, Z_FINISH]) {
    const packet = Buffer.concat([zlib.deflateRawSync('u UNAUTHENTICATE\r\n', { finishFlush }), Buffer.from(`l LOGIN second@example.com ${password}\r\nn NOOP\r\n`)])
    const { deflated, plain } = await saying(server.imapPort, packet)
    t.match(zlib.inflateRawSync(deflated, { finishFlush: Z_SYNC_FLUSH }).toString(), /^u OK Unauthenticate completed .*\r\n$/, 'the answer is compressed')
    t.match(plain, /^l OK .*\r\nn OK /)
  }
})

/** Logs in, asks for compression, sends the packet: what comes up to the end of the compressed answer, and what comes behind. */
function saying(port: number, packet: Uint8Array): Promise<{ deflated: Buffer; plain: string }> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1')
    let heard = Buffer.alloc(0)
    let sent = false
    socket.on('error', reject)
    socket.on('data', (bytes: Buffer) => {
      heard = Buffer.concat([heard, bytes])
      const text = heard.toString('latin1')
      if (!sent && /^c OK .*\r\n$/m.test(text)) {
        sent = true
        heard = Buffer.alloc(0)
        socket.write(packet)
      }
      if (!sent || !/^(n OK|\* BYE) .*\r\n$/m.test(heard.toString('latin1'))) return
      const at = heard.indexOf(Buffer.of(0, 0, 0xff, 0xff)) + 4
      socket.destroy()
      resolve({ deflated: heard.subarray(0, at), plain: heard.toString('latin1', at) })
    })
    socket.write(`a LOGIN first@example.com ${password}\r\nc COMPRESS DEFLATE\r\n`)
  })
}
