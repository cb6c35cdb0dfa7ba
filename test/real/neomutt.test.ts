// neomutt: driven by its own key commands in a terminal of its own: flags, answers, deletes, copies and saves by pattern, and appends
// from an mbox.

import fs from 'node:fs'
import path from 'node:path'
import { deliverLetters, letter } from '../fixtures/deliver.ts'
import { runProgram } from '../fixtures/program.ts'
import { password } from '../fixtures/server.ts'
import { clientTest } from './client-test.ts'
import { mailboxContents, sayTo } from './mailbox-contents.ts'

const user = 'neomutt'

clientTest('neomutt', ['neomutt'], async (t, { server, scratch }) => {
  await deliverLetters(server.lmtpPort, user, 1, 12)
  const far = `imap://${user}@127.0.0.1:${server.imapPort}/`
  const rc = path.join(scratch, 'rc')
  fs.writeFileSync(rc, `
set folder = "${far}"
set spoolfile = "+INBOX"
set imap_pass = "${password}"
set ssl_starttls = no
set ssl_force_tls = no
set delete = yes
set move = no
set quit = yes
set copy = no
set wait_key = no
set confirmappend = no
set confirmcreate = no
set mail_check = 1
set header_cache = "${scratch}/cache"
set imap_qresync = yes
set imap_condstore = yes
`)
  const press = async (keys: string, ...more: string[]): Promise<void> => {
    fs.writeFileSync(path.join(scratch, 'keys'), `push "${keys}"\n`)
    const done = await runProgram('script', ['-qec', ['neomutt', '-n', '-F', rc, '-e', `'source ${scratch}/keys'`, ...more].join(' '), '/dev/null'], { env: { HOME: scratch, TERM: 'xterm', LINES: '40', COLUMNS: '120' }, timeoutMs: 60_000 })
    t.equal(done.code, 0, `${keys}: ${done.stdout.slice(-1500)}${done.stderr}`)
  }

  await press("<tag-pattern>~s 'letter 3$'<enter><tag-prefix><flag-message><untag-pattern>~A<enter><delete-pattern>~s 'letter 5$'<enter><tag-pattern>~s 'letter 1[01]$'<enter><tag-prefix><save-message>=Archive<enter><untag-pattern>~A<enter>"
    + "<tag-pattern>~s 'letter 7$'<enter><tag-prefix><copy-message>=Drafts<enter><untag-pattern>~A<enter><quit>")
  const inbox = await mailboxContents(server.imapPort, user, 'INBOX')
  t.same([...inbox.keys()].sort(), [1, 2, 3, 4, 6, 7, 8, 9, 12].map((n) => `letter ${n}`).sort(), 'one is deleted, two are moved')
  t.match(inbox.get('letter 3'), /\\Flagged/)
  t.same([...(await mailboxContents(server.imapPort, user, 'Archive')).keys()].sort(), ['letter 10', 'letter 11'], 'into a mailbox that it made')
  t.same([...(await mailboxContents(server.imapPort, user, 'Drafts')).keys()], ['letter 7'], 'one is copied')

  // What changed meanwhile it sees by QRESYNC, with the headers it has kept.
  await sayTo(server.imapPort, user, 'SELECT INBOX', 'SEARCH RETURN (SAVE) SUBJECT "letter 9"', 'STORE $ +FLAGS (\\Flagged)', 'SEARCH RETURN (SAVE) SUBJECT "letter 8"', 'STORE $ +FLAGS (\\Deleted)', 'EXPUNGE')
  await press('<tag-pattern>~F<enter><tag-prefix><copy-message>=Archive<enter><tag-prefix><clear-flag>O<quit>')
  t.same([...(await mailboxContents(server.imapPort, user, 'Archive')).keys()].sort(), ['letter 10', 'letter 11', 'letter 3', 'letter 9'], 'both flagged mails, one by each side, are copied')
  t.notOk((await mailboxContents(server.imapPort, user, 'INBOX')).has('letter 8'))

  fs.writeFileSync(path.join(scratch, 'mbox'), `From a@b Mon Nov 23 10:00:00 2026\n${letter('mbox').replaceAll('\r\n', '\n')}\n`)
  await press('<copy-message>=INBOX<enter><quit>', '-f', path.join(scratch, 'mbox'))
  t.ok((await mailboxContents(server.imapPort, user, 'INBOX')).has('letter mbox'), 'a mail of an mbox is appended')
})
