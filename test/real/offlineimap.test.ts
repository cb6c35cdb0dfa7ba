// offlineimap3: a two-way sync of two mailboxes between Culver and a Maildir.

import fs from 'node:fs'
import path from 'node:path'
import { deliverLetters, letter } from '../fixtures/deliver.ts'
import { runProgram } from '../fixtures/program.ts'
import { password } from '../fixtures/server.ts'
import { clientTest } from './client-test.ts'
import { mailboxContents, sayTo } from './mailbox-contents.ts'

const user = 'offlineimap@example.com'

const configuration = (port: number, scratch: string): string => `
[general]
accounts = both
metadata = ${scratch}/metadata
maxsyncaccounts = 1

[Account both]
localrepository = near
remoterepository = far

[Repository near]
type = Maildir
localfolders = ${scratch}/maildir

[Repository far]
type = IMAP
remotehost = 127.0.0.1
remoteport = ${port}
remoteuser = ${user}
remotepass = ${password}
ssl = no
starttls = no
auth_mechanisms = PLAIN
folderfilter = lambda name: name in ['INBOX', 'Drafts', 'Made.near']
`

clientTest('offlineimap3', ['offlineimap3'], async (t, { server, scratch }) => {
  await deliverLetters(server.lmtpPort, user, 1, 40)
  const rc = path.join(scratch, 'rc')
  fs.writeFileSync(rc, configuration(server.imapPort, scratch))
  const sync = async (what: string): Promise<void> => {
    const done = await runProgram('offlineimap', ['-c', rc, '-o', '-u', 'basic'], { env: { HOME: scratch }, timeoutMs: 100_000 })
    t.equal(done.code, 0, `${what}: ${done.stdout.slice(-1500)}${done.stderr.slice(-1500)}`)
  }
  const mails = (mailbox: string): string[] => ['cur', 'new'].flatMap((part) => {
    const directory = path.join(scratch, 'maildir', mailbox, part)
    return fs.readdirSync(directory).map((name) => path.join(directory, name))
  })
  const named = (subject: string): string => mails('INBOX').find((file) => fs.readFileSync(file, 'utf8').includes(`Subject: ${subject}\n`))!

  await sync('first sync')
  t.equal(mails('INBOX').length, 40, 'every mail came')

  // Near: one mail new in another mailbox, one deleted, one flagged. Far: one deleted, one answered, one new.
  fs.writeFileSync(path.join(scratch, 'maildir/Drafts/cur/1.local.host:2,DS'), letter('local').replaceAll('\r\n', '\n'))
  fs.rmSync(named('letter 10'))
  const flagged = named('letter 20')
  fs.renameSync(flagged, path.join(scratch, 'maildir/INBOX/cur', `${path.basename(flagged).replace(/:2,.*$/, '')}:2,FS`))
  await sayTo(server.imapPort, user, 'SELECT INBOX', 'UID STORE 30 +FLAGS.SILENT (\\Deleted)', 'EXPUNGE', 'UID STORE 39 +FLAGS.SILENT (\\Answered)')
  await deliverLetters(server.lmtpPort, user, 41, 41)

  await sync('second sync')
  t.equal(mails('INBOX').length, 39, 'both deletions and the new mail are near')
  t.match(path.basename(named('letter 39')), /:2,.*R/, 'the answered flag is near')
  const inbox = await mailboxContents(server.imapPort, user, 'INBOX')
  t.equal(inbox.size, 39, 'and far')
  t.notOk(inbox.has('letter 10') || inbox.has('letter 30'), 'what was deleted on either side is gone')
  t.equal(inbox.get('letter 20'), '\\Flagged \\Seen', 'the flags of the Maildir are on the server')
  t.same([...await mailboxContents(server.imapPort, user, 'Drafts')], [['letter local', '\\Draft \\Seen']], 'the new mail is on the server')

  await sync('third sync')
  t.equal(mails('INBOX').length, 39, 'nothing more to do')
})
