// Thunderbird, without a screen and driven from within: it finds the folders, keeps all mails for offline reading, marks, moves and deletes, makes a folder,
// appends a mail, hears of new ones in IDLE, and sees what another client has done. Each end state is asserted on the server.

import fs from 'node:fs'
import path from 'node:path'
import { deliverLetters, letter } from '../fixtures/deliver.ts'
import { password } from '../fixtures/server.ts'
import { clientTest } from './client-test.ts'
import { mailboxContents, sayTo } from './mailbox-contents.ts'
import { Thunderbird } from './thunderbird.ts'

const user = 'thunderbird'

clientTest('thunderbird', ['thunderbird'], async (t, { server, scratch }) => {
  await deliverLetters(server.lmtpPort, user, 1, 8)
  await sayTo(server.imapPort, user, 'CREATE Work/2026', 'SUBSCRIBE Work/2026')
  const bird = await Thunderbird.start(scratch, user, password, server.imapPort)
  t.teardown(() => bird.kill())
  const subjects = (of: string): Promise<string[]> => bird.run(`return messages(${of}).map((one) => one.mime2DecodedSubject).sort()`)
  const onServer = async (mailbox: string): Promise<string[]> => [...(await mailboxContents(server.imapPort, user, mailbox)).keys()].sort()
  const letters = (...numbers: number[]): string[] => numbers.map((n) => `letter ${n}`).sort()

  await bird.run(`
    server.performExpand(null)
    globalThis.inbox = await until('INBOX', () => root.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox))
    await update(inbox)
    await until('the mails', () => messages(inbox).length === 8)`)
  t.same(await subjects('inbox'), letters(1, 2, 3, 4, 5, 6, 7, 8), 'it has all mails')
  await bird.run(`await until('the folders', () => root.descendants.find((one) => one.URI.endsWith('/Work/2026')))`)

  await bird.run('await urlDone((listener) => inbox.downloadAllForOffline(listener, null))')
  const kept = fs.readFileSync(path.join(bird.profile, 'ImapMail/127.0.0.1/INBOX'), 'utf8')
  for (const subject of letters(1, 2, 3, 4, 5, 6, 7, 8)) t.ok(kept.includes(`Subject: ${subject}`), `${subject} is kept for offline reading`)

  await bird.run(`
    inbox.markMessagesRead([bySubject(inbox, 'letter 2'), bySubject(inbox, 'letter 3')], true)
    inbox.markMessagesFlagged([bySubject(inbox, 'letter 3')], true)
    inbox.addKeywordsToMessages([bySubject(inbox, 'letter 5')], '$label1')
    root.createSubfolder('Archive 2026', null)
    globalThis.archive = await until('the folder', () => root.subFolders.find((one) => one.name === 'Archive 2026'))
    await copyDone((listener) => MailServices.copy.copyMessages(inbox, [bySubject(inbox, 'letter 4'), bySubject(inbox, 'letter 6')], archive, true, listener, null, false))
    await copyDone((listener) => MailServices.copy.copyMessages(inbox, [bySubject(inbox, 'letter 1')], archive, false, listener, null, false))
    await copyDone((listener) => inbox.deleteMessages([bySubject(inbox, 'letter 7')], null, true, false, listener, false))
    await urlDone((listener) => inbox.QueryInterface(Ci.nsIMsgImapMailFolder).expunge(listener, null))
    await update(inbox)`)
  const inbox = await mailboxContents(server.imapPort, user, 'INBOX')
  t.same([...inbox.keys()].sort(), letters(1, 2, 3, 5, 8), 'two are moved, one is deleted')
  t.match(inbox.get('letter 2'), /\\Seen/)
  t.match(inbox.get('letter 3'), /\\Flagged.*\\Seen|\\Seen.*\\Flagged/)
  t.match(inbox.get('letter 5'), /\$label1/i)
  t.notMatch(inbox.get('letter 8'), /\\Seen/)
  t.same(await onServer('"Archive 2026"'), letters(1, 4, 6), 'into the folder that it made')

  fs.writeFileSync(path.join(scratch, 'draft.eml'), letter('draft'))
  await bird.run(`
    const file = Cc['@mozilla.org/file/local;1'].createInstance(Ci.nsIFile)
    file.initWithPath(${JSON.stringify(path.join(scratch, 'draft.eml'))})
    await copyDone((listener) => MailServices.copy.copyFileMessage(file, archive, null, false, Ci.nsMsgMessageFlags.Read, '', listener, null))`)
  t.ok((await onServer('"Archive 2026"')).includes('letter draft'), 'a mail of a file is appended')

  // It idles in INBOX: what others do there it hears without asking.
  await deliverLetters(server.lmtpPort, user, 9, 9)
  await bird.run(`await until('the new mail', () => bySubject(inbox, 'letter 9'))`)
  // What comes while it fetches the new mail it has overlooked once, on a busy machine: then it is told another time.
  let heard = false
  for (let n = 0; n < 3 && !heard; n++) {
    await sayTo(server.imapPort, user, 'SELECT INBOX', 'SEARCH RETURN (SAVE) SUBJECT "letter 8"', 'STORE $ -FLAGS (\\Flagged)', 'STORE $ +FLAGS (\\Flagged)')
    heard = await bird.run<boolean>(`return until('the flag', () => bySubject(inbox, 'letter 8').isFlagged).then(() => true, () => false)`)
  }
  t.ok(heard, 'a flag')
  await sayTo(server.imapPort, user, 'SELECT INBOX', 'SEARCH RETURN (SAVE) SUBJECT "letter 5"', 'STORE $ +FLAGS (\\Deleted)', 'EXPUNGE')
  await bird.run(`await until('the expunge', () => !bySubject(inbox, 'letter 5'))`)
  t.same(await subjects('inbox'), letters(1, 2, 3, 8, 9), 'both agree')
  t.same(await onServer('INBOX'), letters(1, 2, 3, 8, 9))
  await bird.quit()
})
