// interimap --notify: sits on both sides with NOTIFY, and carries over what either tells. Without notifications it would look only every
// quarter of an hour.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { deliverLetters } from '../fixtures/deliver.ts'
import { LineClient } from '../fixtures/line-client.ts'
import { runProgram } from '../fixtures/program.ts'
import { password } from '../fixtures/server.ts'
import { clientTest } from './client-test.ts'
import { sayTo } from './mailbox-contents.ts'

clientTest('interimap --notify', ['interimap'], async (t, { server, scratch }) => {
  const side = (user: string): string => `type = imap\nhost = 127.0.0.1\nport = ${server.imapPort}\nSTARTTLS = NO\nauth = PLAIN LOGIN\nusername = ${user}\npassword = ${password}\n`
  const rc = path.join(scratch, 'config')
  fs.writeFileSync(rc, `database = ${scratch}/state.db\nlist-mailbox = INBOX Drafts\n\n[local]\n${side('near')}\n[remote]\n${side('far')}`)
  /** A client that idles in a user's INBOX until it hears `wanted`. */
  const watcher = async (user: string): Promise<(wanted: RegExp) => Promise<void>> => {
    const client = await LineClient.connect(server.imapPort)
    t.teardown(() => client.close())
    await client.line()
    await client.command('a', `LOGIN ${user} ${password}`)
    await client.command('b', 'SELECT INBOX')
    await client.send(Buffer.from('c IDLE\r\n'))
    return async (wanted) => {
      for (let line = await client.line(); line === undefined || !wanted.test(line); line = await client.line()) if (line === undefined) throw new Error(`${user} was disconnected before ${wanted}`)
    }
  }
  const [near, far] = [await watcher('near'), await watcher('far')]
  await deliverLetters(server.lmtpPort, 'near', 1, 1)
  const env = { HOME: scratch, XDG_CONFIG_HOME: scratch, XDG_DATA_HOME: scratch }
  // It makes its database in a plain run alone.
  const first = await runProgram('interimap', ['--config', rc], { env })
  t.equal(first.code, 0, `first run: ${first.code === 0 ? 'well' : first.stderr.slice(-1500)}`)
  const child = spawn('interimap', ['--config', rc, '--notify'], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => { said += bytes.toString() })
  const exited = once(child, 'exit')
  t.teardown(async () => { child.kill(); await exited })
  try {
    await far(/^\* 1 EXISTS$/)
    await deliverLetters(server.lmtpPort, 'far', 2, 2)
    await near(/^\* 2 EXISTS$/)
    await deliverLetters(server.lmtpPort, 'near', 3, 3)
    await far(/^\* 3 EXISTS$/)
    await sayTo(server.imapPort, 'near', 'SELECT INBOX', 'UID STORE 1 +FLAGS (\\Flagged)')
    await far(/^\* \d FETCH \(.*FLAGS \(.*\\Flagged.*\)\)$/)
  } catch (error) {
    throw new Error(`${(error as Error).message}; interimap: ${said.slice(-1500)}`)
  }
  t.equal(child.exitCode, null, 'and it goes on')
})
