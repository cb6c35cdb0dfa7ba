// imapfilter: sorts mails into a mailbox it creates, by searching, and marks others.

import fs from 'node:fs'
import path from 'node:path'
import { deliverLetters } from '../fixtures/deliver.ts'
import { LineClient } from '../fixtures/line-client.ts'
import { runProgram } from '../fixtures/program.ts'
import { password } from '../fixtures/server.ts'
import { clientTest } from './client-test.ts'

const user = 'imapfilter@example.com'

clientTest('imapfilter', ['imapfilter'], async (t, { server, scratch }) => {
  await deliverLetters(server.lmtpPort, user, 1, 12)
  const lua = path.join(scratch, 'config.lua')
  fs.writeFileSync(lua, `
options.timeout = 30
options.create = true
options.subscribe = true
account = IMAP { server = '127.0.0.1', port = ${server.imapPort}, username = '${user}', password = '${password}' }
account:create_mailbox('Lists/One')
account:subscribe_mailbox('Lists/One')
results = account.INBOX:contain_subject('letter 1')
results:move_messages(account['Lists/One'])
results = account.INBOX:contain_body('This is letter 5')
results:mark_flagged()
results = account.INBOX:is_older(0) + account.INBOX:contain_from('sender7@')
results = account.INBOX:contain_from('sender7@')
results:delete_messages()
`)
  const done = await runProgram('imapfilter', ['-c', lua], { env: { HOME: scratch } })
  t.equal(done.code, 0, done.stdout + done.stderr)
  const client = await LineClient.connect(server.imapPort)
  await client.line()
  await client.command('a', `LOGIN ${user} ${password}`)
  t.match((await client.command('b', 'STATUS Lists/One (MESSAGES)'))[0]!, /MESSAGES 4/, 'letters 1, 10, 11, 12 were moved')
  t.match((await client.command('c', 'STATUS INBOX (MESSAGES)'))[0]!, /MESSAGES 7/, 'letter 7 was deleted')
  await client.command('d', 'SELECT INBOX')
  t.match((await client.command('e', 'SEARCH FLAGGED SUBJECT "letter 5"')).join('\n'), /\* SEARCH 4/, 'letter 5 is flagged')
  t.match((await client.command('f', 'LSUB "" "Lists/*"')).join('\n'), /Lists\/One/, 'the new mailbox is subscribed')
  client.close()
})
