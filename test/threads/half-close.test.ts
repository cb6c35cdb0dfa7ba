// Clients that send all they have to say and then shut down their sending side, as `printf … | nc` does, get every answer:
// where their session is on the thread of their socket, and where it is relayed.

import net from 'node:net'
import t from 'tap'
import { letter } from '../fixtures/deliver.ts'
import { TestServer, password } from '../fixtures/server.ts'
import { usersAt } from './users.ts'

const server = await TestServer.start({ workers: 2 })
t.teardown(() => server.stop())
const users = [usersAt(0, 2, 1)[0]!, usersAt(1, 2, 1)[0]!]

/** Everything the server says to a client that sends `input` and then FIN. Rejects if the connection is reset or stays. */
function said(port: number, input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    let text = ''
    const timer = setTimeout(() => { socket.destroy(new Error(`the connection stays; it said ${text}`)) }, 10_000)
    socket.on('data', (bytes: Buffer) => { text += bytes.toString('latin1') })
    socket.once('error', reject)
    socket.once('end', () => {
      clearTimeout(timer)
      resolve(text)
    })
    socket.end(input)
  })
}

/** Often enough that the kernel has given connections to both workers. */
const times = 8

void t.test('a whole IMAP session', async (t) => {
  for (const user of users) {
    for (let i = 0; i < times; i++) {
      const text = await said(server.imapPort, `a LOGIN ${user} ${password}\r\nb SELECT INBOX\r\nc LOGOUT\r\n`)
      if (!/^\* OK .*\r\n(\* .*\r\n)*a OK .*\r\n(\* .*\r\n)*b OK .*\r\n\* BYE .*\r\nc OK .*\r\n$/.test(text)) t.fail(text)
    }
  }
  t.pass()
})

void t.test('without LOGOUT, and with half a command at the end', async (t) => {
  for (const user of users) {
    const text = await said(server.imapPort, `a LOGIN ${user} ${password}\r\nb NOOP\r\nc LIS`)
    t.match(text, /a OK [^\n]*\nb OK [^\n]*\n$/)
  }
})

void t.test('a message that is cut is not appended', async (t) => {
  const [user] = users
  t.match(await said(server.imapPort, `a LOGIN ${user} ${password}\r\nb CREATE cut\r\nc APPEND cut {1000+}\r\nSubject: half`), /b OK [^\n]*\n$/)
  t.match(await said(server.imapPort, `a LOGIN ${user} ${password}\r\nb STATUS cut (MESSAGES)\r\n`), /\(MESSAGES 0\)/)
})

void t.test('in IDLE', async (t) => {
  for (const user of users) t.match(await said(server.imapPort, `a LOGIN ${user} ${password}\r\nb SELECT INBOX\r\nc IDLE\r\n`), /\r\n\+ idling\r\n$/)
})

void t.test('nothing at all', async (t) => {
  t.match(await said(server.imapPort, ''), /^\* OK [^\n]*\n$/)
  t.match(await said(server.lmtpPort, ''), /^220 [^\n]*\n$/)
})

void t.test('a whole LMTP transaction', async (t) => {
  const input = `LHLO x\r\nMAIL FROM:<a@example.org>\r\n${users.map((user) => `RCPT TO:<${user}>\r\n`).join('')}DATA\r\n${letter('fin')}.\r\n`
  const text = await said(server.lmtpPort, input)
  t.equal(text.match(/^250 2\.0\.0 .* Saved/gm)?.length, 2, text)
})

void t.test('an LMTP message that is cut is not delivered', async (t) => {
  const text = await said(server.lmtpPort, `LHLO x\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<cut@example.com>\r\nDATA\r\n${letter('fin')}`)
  t.match(text, /354 [^\n]*\n$/)
  t.match(await said(server.imapPort, `a LOGIN cut@example.com ${password}\r\nb STATUS INBOX (MESSAGES)\r\n`), /\(MESSAGES 0\)/)
})
