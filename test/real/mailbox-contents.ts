// What a mailbox holds on the server, as a session of its own sees it: the end state that tests of real clients assert.

import { LineClient } from '../fixtures/line-client.ts'
import { password } from '../fixtures/server.ts'

/** Subject → its flags without \Recent, in alphabetical order, of every mail; a subject that is there twice has `#2`, `#3` … behind it. */
export async function mailboxContents(port: number, user: string, mailbox: string): Promise<Map<string, string>> {
  const client = await LineClient.connect(port)
  await client.line()
  await client.command('a', `LOGIN ${user} ${password}`)
  const selected = await client.command('b', `EXAMINE ${mailbox}`)
  if (!/^b OK/.test(selected.at(-1)!)) throw new Error(selected.at(-1))
  const answer = (await client.command('c', 'FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])')).join('\n')
  client.close()
  const contents = new Map<string, string>()
  for (const [, flags, subject] of answer.matchAll(/^\* \d+ FETCH .*FLAGS \(([^)]*)\).*\n(?:Subject: (.*)\n)?/gm)) {
    let name = subject ?? ''
    for (let n = 2; contents.has(name); n++) name = `${subject ?? ''}#${n}`
    contents.set(name, flags!.split(' ').filter((flag) => flag !== '\\Recent' && flag !== '').sort().join(' '))
  }
  return contents
}

/** Sends commands as a session of its own; each must end with OK. The lines of the last one. */
export async function sayTo(port: number, user: string, ...commands: string[]): Promise<string[]> {
  const client = await LineClient.connect(port)
  await client.line()
  let lines: string[] = []
  for (const [i, command] of [`LOGIN ${user} ${password}`, ...commands].entries()) {
    lines = await client.command(`s${i}`, command)
    if (!lines.at(-1)!.startsWith(`s${i} OK`)) throw new Error(`${command}: ${lines.at(-1)}`)
  }
  client.close()
  return lines
}
