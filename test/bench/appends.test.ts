// Memory while a hundred clients append large mails at once: what arrives lies in spool files and streams up from there, so
// the server grows by some windows a client, however large the mails are.
//
// CULVER_BENCH_APPEND_MB=50 makes the mails as large as one likes; by default they are no larger than what shows a leak.

import { once } from 'node:events'
import net from 'node:net'
import t from 'tap'
import { TestServer, password } from '../fixtures/server.ts'
import { Peak, figure, megabytes, residentBytes } from './measure.ts'

t.setTimeout(900_000)

const clients = 100
const mailMegabytes = Number(process.env['CULVER_BENCH_APPEND_MB'] ?? 6)
/** Much less than the mails have together: some 2 MB a client are windows, and garbage not collected yet. */
const growthAtMost = 384 * 2 ** 20

const piece = Buffer.from(`${'x'.repeat(76)}\r\n`.repeat(Math.floor(64 * 1024 / 78)))
const pieces = Math.ceil(mailMegabytes * 2 ** 20 / piece.length)
const head = Buffer.from('From: a@example.org\r\nSubject: large\r\n\r\n')
const mailBytes = head.length + pieces * piece.length

/** Answers when the server has said a line that begins so. */
async function said(socket: net.Socket, wanted: string): Promise<void> {
  for (let text = ''; !text.split('\r\n').some((line) => line.startsWith(wanted));) {
    const [bytes] = await once(socket, 'data', { signal: AbortSignal.timeout(280_000) }) as [Buffer]
    text += bytes.toString('latin1')
    if (/^. (NO|BAD) |^\* BYE /m.test(text)) throw new Error(text)
  }
}

async function append(port: number, n: number, together: () => Promise<void>): Promise<void> {
  const socket = net.connect(port, '127.0.0.1')
  await said(socket, '* OK')
  socket.write(`a LOGIN user${n}@example.com ${password}\r\n`)
  await said(socket, 'a OK')
  await together()
  socket.write(`b APPEND INBOX {${mailBytes}}\r\n`)
  await said(socket, '+')
  const done = said(socket, 'b OK')
  socket.write(head)
  for (let sent = 0; sent < pieces; sent++) if (!socket.write(piece)) await once(socket, 'drain')
  socket.write('\r\n')
  await done
  socket.destroy()
}

void t.test(`${clients} clients append ${mailMegabytes} MB each at once`, { timeout: 800_000 }, async (t) => {
  const server = await TestServer.start({ workers: 2 })
  t.teardown(() => server.stop())
  let waiting = 0
  let go = (): void => {}
  const all = new Promise<void>((resolve) => { go = resolve })
  let before = 0
  let peak: Peak | undefined
  const together = (): Promise<void> => {
    if (++waiting === clients) {
      before = residentBytes(server.pid)
      peak = new Peak(() => residentBytes(server.pid))
      go()
    }
    return all
  }
  const began = performance.now()
  await Promise.all(Array.from({ length: clients }, (_, n) => append(server.imapPort, n, together)))
  const growth = peak!.stop() - before
  figure(t, `${clients} clients appended ${megabytes(mailBytes)} each at once (${megabytes(clients * mailBytes)} in ${((performance.now() - began) / 1000).toFixed(0)} s): the server grew from ${megabytes(before)} by ${megabytes(growth)} at most (bound ${megabytes(growthAtMost)})`)
  t.ok(growth < growthAtMost, 'memory stays bounded')
})
