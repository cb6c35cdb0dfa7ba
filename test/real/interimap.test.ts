// interimap: keeps two servers alike both ways, by QRESYNC alone: VANISHED and CHANGEDSINCE tell it everything that has changed.
// Once between two users of Culver, once between Culver and Debian's Dovecot.

import fs from 'node:fs'
import path from 'node:path'
import { deliverLetters, letter } from '../fixtures/deliver.ts'
import { runProgram } from '../fixtures/program.ts'
import { password } from '../fixtures/server.ts'
import { clientTest } from './client-test.ts'
import { mailboxContents, sayTo } from './mailbox-contents.ts'

const appended = (name: string): string => `{${letter(name).length}+}\r\n${letter(name)}`

clientTest('interimap', ['interimap'], async (t, { server, scratch }) => {
  const side = (user: string): string => `type = imap\nhost = 127.0.0.1\nport = ${server.imapPort}\nSTARTTLS = NO\nauth = PLAIN LOGIN\nusername = ${user}\npassword = ${password}\n`
  const rc = path.join(scratch, 'config')
  fs.writeFileSync(rc, `database = ${scratch}/state.db\nlist-mailbox = INBOX Drafts\n\n[local]\n${side('near')}\n[remote]\n${side('far')}`)
  const sync = async (what: string): Promise<void> => {
    const done = await runProgram('interimap', ['--config', rc], { env: { HOME: scratch, XDG_CONFIG_HOME: scratch, XDG_DATA_HOME: scratch } })
    t.equal(done.code, 0, `${what}: ${done.stdout.slice(-1500)}${done.stderr.slice(-1500)}`)
  }
  const both = async (mailbox: string): Promise<Map<string, string>> => {
    const [near, far] = [await mailboxContents(server.imapPort, 'near', mailbox), await mailboxContents(server.imapPort, 'far', mailbox)]
    t.same([...near].sort(), [...far].sort(), `${mailbox} is the same on both sides`)
    return near
  }
  await deliverLetters(server.lmtpPort, 'far', 1, 30)
  await deliverLetters(server.lmtpPort, 'near', 31, 40)

  await sync('first sync')
  t.equal((await both('INBOX')).size, 40)

  await sayTo(server.imapPort, 'near', 'SELECT INBOX', 'SEARCH RETURN (SAVE) OR OR SUBJECT "letter 7" SUBJECT "letter 35" SUBJECT "letter 12"', 'STORE $ +FLAGS (\\Deleted)', 'EXPUNGE', `APPEND Drafts (\\Draft) ${appended('near')}`,
    'SEARCH RETURN (SAVE) SUBJECT "letter 20"', 'STORE $ +FLAGS (\\Flagged own)')
  await sayTo(server.imapPort, 'far', 'SELECT INBOX', 'SEARCH RETURN (SAVE) SUBJECT "letter 33"', 'STORE $ +FLAGS (\\Answered)', 'SEARCH RETURN (SAVE) SUBJECT "letter 34"', 'MOVE $ Drafts', `APPEND INBOX (\\Seen) ${appended('far')}`)
  await sync('second sync')
  const inbox = await both('INBOX')
  t.equal(inbox.size, 37, 'three expunged near and one moved far, one new')
  t.same([inbox.get('letter 20'), inbox.get('letter 33'), inbox.get('letter far'), inbox.get('letter 34')], ['\\Flagged own', '\\Answered', '\\Seen', undefined])
  t.same([...(await both('Drafts')).keys()].sort(), ['letter 34', 'letter near'])

  await sync('third sync')
  t.equal((await both('INBOX')).size, 37, 'nothing more to do')
})

clientTest('interimap with Dovecot on the other side', ['interimap', 'dovecot-imapd'], async (t, { server, scratch }) => {
  const asRoot = process.getuid?.() === 0
  fs.writeFileSync(path.join(scratch, 'dovecot.conf'), `base_dir = ${scratch}/run\nmail_location = sdbox:${scratch}/mail\nmail_home = ${scratch}/home\nlog_path = ${scratch}/log\nssl = no\nprotocols = imap
${asRoot ? 'mail_uid = 65534\nmail_gid = 65534\nfirst_valid_uid = 1\n' : ''}namespace inbox {\n  inbox = yes\n  separator = /\n}\n`)
  for (const folder of ['mail', 'home', 'run']) fs.mkdirSync(path.join(scratch, folder))
  fs.writeFileSync(path.join(scratch, 'log'), '')
  if (asRoot) {
    for (const folder of [path.dirname(scratch), scratch]) fs.chmodSync(folder, 0o755)
    for (const name of ['mail', 'home', 'log']) fs.chownSync(path.join(scratch, name), 65534, 65534)
  }
  const imap = `env USER=dovecot HOME=${scratch}/home sh -c 'cat | /usr/lib/dovecot/imap -c ${scratch}/dovecot.conf | cat'`
  const rc = path.join(scratch, 'config')
  fs.writeFileSync(rc, `database = ${scratch}/state.db\nlist-mailbox = INBOX\n\n[local]\ntype = tunnel\ncommand = ${imap}\nnull-stderr = YES\n
[remote]\ntype = imap\nhost = 127.0.0.1\nport = ${server.imapPort}\nSTARTTLS = NO\nauth = PLAIN LOGIN\nusername = far\npassword = ${password}\n`)
  const sync = async (what: string): Promise<void> => {
    const done = await runProgram('interimap', ['--config', rc], { cwd: scratch, env: { HOME: scratch, XDG_CONFIG_HOME: scratch, XDG_DATA_HOME: scratch } })
    t.equal(done.code, 0, `${what}: ${done.stdout.slice(-1500)}${done.stderr.slice(-1500)}${fs.readFileSync(path.join(scratch, 'log'), 'utf8').slice(-1500)}`)
  }
  const dovecot = async (...commands: string[]): Promise<string> =>
    (await runProgram('sh', ['-c', imap], { cwd: scratch, input: [...commands, 'LOGOUT'].map((command, i) => `d${i} ${command}\r\n`).join('') })).stdout
  await deliverLetters(server.lmtpPort, 'far', 1, 20)

  await sync('first sync')
  t.match(await dovecot('STATUS INBOX (MESSAGES)'), /MESSAGES 20/, 'Dovecot has them all')

  await sayTo(server.imapPort, 'far', 'SELECT INBOX', 'STORE 5,7 +FLAGS (\\Deleted)', 'EXPUNGE', 'UID STORE 10 +FLAGS (\\Flagged)')
  t.match(await dovecot('SELECT INBOX', 'UID STORE 12,13 +FLAGS (\\Deleted)', 'EXPUNGE', 'UID STORE 15 +FLAGS (\\Answered)', `APPEND INBOX (\\Seen) ${appended('dovecot')}`), /d4 OK/)
  await sync('second sync')
  const inbox = await mailboxContents(server.imapPort, 'far', 'INBOX')
  t.same([5, 7, 12, 13].filter((n) => inbox.has(`letter ${n}`)), [], 'expunges of both sides hold')
  t.equal(inbox.size, 17)
  t.same([inbox.get('letter 10'), inbox.get('letter 15'), inbox.get('letter dovecot')], ['\\Flagged', '\\Answered', '\\Seen'])
  const theirs = await dovecot('SELECT INBOX', 'SEARCH FLAGGED', 'STATUS INBOX (MESSAGES)')
  t.match(theirs, /\* SEARCH \d+\r\n/, 'the flag is in Dovecot')
  t.match(theirs, /MESSAGES 17/)
})
