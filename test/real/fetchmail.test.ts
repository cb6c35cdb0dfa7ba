// fetchmail: takes every mail out of the INBOX and hands it to a program.

import fs from 'node:fs'
import path from 'node:path'
import { deliverLetters } from '../fixtures/deliver.ts'
import { LineClient } from '../fixtures/line-client.ts'
import { runProgram } from '../fixtures/program.ts'
import { password } from '../fixtures/server.ts'
import { clientTest } from './client-test.ts'

const user = 'fetchmail@example.com'

clientTest('fetchmail', ['fetchmail'], async (t, { server, scratch }) => {
  await deliverLetters(server.lmtpPort, user, 1, 40)
  const rc = path.join(scratch, 'rc')
  const box = path.join(scratch, 'mails')
  fs.writeFileSync(rc, `poll 127.0.0.1 service ${server.imapPort} protocol IMAP user "${user}" password "${password}" sslproto "" fetchall mda "cat >> ${box}; echo ==END== >> ${box}"\n`, { mode: 0o600 })
  const done = await runProgram('fetchmail', ['-f', rc, '--nosyslog', '--idfile', path.join(scratch, 'ids'), '--pidfile', path.join(scratch, 'pid')], { env: { HOME: scratch, FETCHMAILHOME: scratch } })
  t.equal(done.code, 0, done.stdout + done.stderr)
  const mails = fs.readFileSync(box, 'utf8').split('==END==').slice(0, -1)
  t.equal(mails.length, 40, 'every mail was handed over')
  for (const n of [1, 20, 40]) t.equal(mails.filter((mail) => mail.includes(`This is letter ${n}.`)).length, 1, `letter ${n} once`)
  const client = await LineClient.connect(server.imapPort)
  await client.line()
  await client.command('a', `LOGIN ${user} ${password}`)
  t.match((await client.command('b', 'STATUS INBOX (MESSAGES)'))[0]!, /MESSAGES 0/, 'and the INBOX is empty')
  client.close()
})
