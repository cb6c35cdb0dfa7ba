// curl: append, list, search, fetch a section, as a person at a shell would.

import fs from 'node:fs'
import path from 'node:path'
import { deliverLetters, letter } from '../fixtures/deliver.ts'
import { runProgram } from '../fixtures/program.ts'
import { password } from '../fixtures/server.ts'
import { clientTest } from './client-test.ts'

const user = 'curl@example.com'

clientTest('curl', ['curl'], async (t, { server, scratch }) => {
  await deliverLetters(server.lmtpPort, user, 1, 3)
  const curl = async (...args: string[]): Promise<string> => {
    const done = await runProgram('curl', ['-sS', '-u', `${user}:${password}`, ...args])
    t.equal(done.code, 0, `curl ${args.join(' ')}: ${done.stderr}`)
    return done.stdout
  }
  const url = `imap://127.0.0.1:${server.imapPort}`

  t.match(await curl(`${url}/`), /\* LIST .* "?INBOX"?/, 'LIST')
  t.match(await curl(`${url}/INBOX;MAILINDEX=2`), /Subject: letter 2\r\n[\s\S]*This is letter 2\./, 'a mail by its number')
  t.match(await curl(`${url}/INBOX?SUBJECT%20%22letter%203%22`), /\* SEARCH 3/, 'SEARCH')
  t.match(await curl(`${url}/INBOX;UID=1;SECTION=TEXT`), /^This is letter 1\./, 'a section by UID')

  const big = letter('big', 'y'.repeat(70).concat('\r\n').repeat(5000))
  fs.writeFileSync(path.join(scratch, 'big.eml'), big)
  await curl('-T', path.join(scratch, 'big.eml'), `${url}/Drafts`)
  t.equal(await curl(`${url}/Drafts;MAILINDEX=1`), big, 'a large mail appended comes back byte by byte')
  t.match(await curl(`${url}/INBOX`, '-X', 'STATUS Drafts (MESSAGES UIDNEXT)'), /MESSAGES 1 UIDNEXT 2/, 'STATUS')

  const refused = await runProgram('curl', ['-sS', '-u', `${user}:wrong`, `${url}/`])
  t.equal(refused.code, 67, 'a wrong password is refused')
})
