// mbsync (isync): a two-way sync of a mailbox with 300 mails between Culver and a Maildir.

import fs from 'node:fs'
import path from 'node:path'
import { deliverLetters, letter } from '../fixtures/deliver.ts'
import { LineClient } from '../fixtures/line-client.ts'
import { runProgram } from '../fixtures/program.ts'
import { password } from '../fixtures/server.ts'
import { clientTest } from './client-test.ts'

const user = 'mbsync@example.com'

const configuration = (port: number, scratch: string): string => `
IMAPAccount culver
Host 127.0.0.1
Port ${port}
User ${user}
Pass ${password}
SSLType None
AuthMechs LOGIN

IMAPStore far
Account culver

MaildirStore near
Path ${scratch}/maildir/
Inbox ${scratch}/maildir/INBOX
SubFolders Verbatim

Channel both
Far :far:
Near :near:
Patterns INBOX Drafts
Create Both
Expunge Both
SyncState ${scratch}/
Sync All
`

const maildirMails = (directory: string): string[] =>
  ['cur', 'new'].flatMap((part) => fs.readdirSync(path.join(directory, part)).map((name) => path.join(directory, part, name)))

clientTest('mbsync', ['isync'], async (t, { server, scratch }) => {
  await deliverLetters(server.lmtpPort, user, 1, 300)
  fs.mkdirSync(path.join(scratch, 'maildir'))
  fs.writeFileSync(path.join(scratch, 'rc'), configuration(server.imapPort, scratch))
  const sync = async (what: string): Promise<void> => {
    const done = await runProgram('mbsync', ['-c', path.join(scratch, 'rc'), 'both'])
    t.equal(done.code, 0, `${what}: ${done.stderr}`)
  }

  await sync('first sync')
  const inbox = path.join(scratch, 'maildir/INBOX')
  const mails = maildirMails(inbox)
  t.equal(mails.length, 300, 'every mail came')
  const subjects = new Set(mails.map((file) => /^Subject: (.*)$/m.exec(fs.readFileSync(file, 'utf8'))?.[1]))
  t.equal(subjects.size, 300, 'each once')

  // Near: one mail new, one deleted, one flagged. Far: one deleted, one answered.
  fs.writeFileSync(path.join(inbox, 'cur/1.local.host:2,S'), letter('local').replaceAll('\r\n', '\n'))
  const named = (subject: string): string => maildirMails(inbox).find((file) => fs.readFileSync(file, 'utf8').includes(`Subject: ${subject}\n`))!
  fs.rmSync(named('letter 10'))
  const flagged = named('letter 20')
  fs.renameSync(flagged, path.join(inbox, 'cur', `${path.basename(flagged).replace(/:2,.*$/, '')}:2,FS`))
  const client = await LineClient.connect(server.imapPort)
  await client.line()
  await client.command('a', `LOGIN ${user} ${password}`)
  await client.command('b', 'SELECT INBOX')
  await client.command('c', 'STORE 30 +FLAGS.SILENT (\\Deleted)')
  await client.command('d', 'EXPUNGE')
  await client.command('e', 'STORE 39 +FLAGS.SILENT (\\Answered)')

  await sync('second sync')
  t.equal(maildirMails(inbox).length, 299, 'both deletions and the new mail arrived near')
  t.match(path.basename(named('letter 40')), /:2,.*R/, 'the answered flag arrived near')
  const status = await client.command('f', 'STATUS INBOX (MESSAGES)')
  t.match(status[0]!, /MESSAGES 299/, 'and far')
  t.match((await client.command('g', 'SEARCH FLAGGED')).join(), /\* SEARCH \d+/, 'the flag arrived far')
  t.match((await client.command('h', 'SEARCH SUBJECT "letter local" SEEN')).join(), /\* SEARCH \d+/, 'the new mail arrived far')
  t.match((await client.command('i', 'SEARCH SUBJECT "letter 10" NOT SUBJECT "letter 10 "')).join('\n'), /^\* SEARCH( \d+)*$/m)
  client.close()

  await sync('third sync')
  t.equal(maildirMails(inbox).length, 299, 'nothing more to do')
})
