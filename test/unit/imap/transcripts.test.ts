// Every command, and every response code that a session can send, is shown by a transcript. Both are taken from the code: a new one fails here
// until its transcript is written.

import t from 'tap'
import fs from 'node:fs'
import path from 'node:path'
import { all as commands } from '../../../actors/session/imap/commands/index.ts'

const root = path.resolve(import.meta.dirname, '../../..')

const textsBelow = (folder: string, ending: string): string[] =>
  fs.readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending)).map((file) => fs.readFileSync(path.join(root, folder, file), 'utf8'))

const transcripts = textsBelow('test/transcripts/imap', '.txt')
const lines = transcripts.join('\n').split('\n')
const said = lines.filter((line) => line.startsWith('C'))
const heard = lines.filter((line) => line.startsWith('S')).join('\n')

/** What a client cannot bring about by itself, and the test that shows it instead. */
const shownElsewhere = new Map([
  ['ALERT', 'login'], ['CONTACTADMIN', 'login'], ['INPROGRESS', 'progress'], ['MESSAGELIMIT', 'message-limit'],
  ['PRIVACYREQUIRED', 'login'], ['REFERRAL', 'login'], ['SERVERBUG', 'life'], ['UNAVAILABLE', 'login'],
].map(([code, file]) => [code, `test/unit/imap/${file}.test.ts`]))

/** Codes in the places where code names one: `new No('CODE …'`, `ok('…', 'CODE …'`, `[CODE …]` in a text, what `…Code()` returns. */
function codesOf(source: string): string[] {
  const code = '([A-Z][A-Z0-9]+(?:-[A-Z0-9]+)*)'
  const forms = [
    `new (?:No|MailError)\\((?:[^'\`]*\\? )?['\`]${code}`,
    `new (?:No|MailError)\\([^'\`]*\\? '[A-Z]+' : '${code}'`,
    `\\bok\\((?:'[^']*'|\`[^\`]*\`), (?:[^'\`]*[?:] )?['\`]${code}`,
    `\\bok\\([^\\n]*\\? '[A-Z-]+' : '${code}'`,
    `new Bad\\((?:'[^']*'|\`[^\`]*\`), '${code}'`,
    `(?:OK|NO|BAD|BYE) \\[${code}[ \\]]`,
    `\\bcode: [^'\`\\n]*['\`]${code}`,
    `Code\\([^;]*?return \`${code} `,
  ]
  const withoutComments = source.replace(/^ *(\/\/|\/?\*).*$/gm, '')
  return forms.flatMap((form) => [...withoutComments.matchAll(new RegExp(form, 'g'))].map((match) => match[1]!))
}

const codes = new Set([...textsBelow('actors/session/imap', '.ts'), ...textsBelow('actors/user', '.ts')].flatMap(codesOf))

t.test('every command, and its UID form', async (t) => {
  for (const { name, uid } of commands) {
    const forms = uid === 'only' ? [`UID ${name}`] : uid ? [name, `UID ${name}`] : [name]
    for (const form of forms) {
      const wanted = new RegExp(`^C\\S*:? "?\\S+ ${form}(?![A-Z])`, 'i')
      t.ok(said.some((line) => wanted.test(line)), `a transcript says ${form}`)
    }
  }
})

t.test('every response code', async (t) => {
  for (const known of ['ALERT', 'APPENDUID', 'BADCHARSET', 'CLOSED', 'COPYUID', 'EXPUNGEISSUED', 'HIGHESTMODSEQ', 'INPROGRESS', 'MESSAGELIMIT', 'NONEXISTENT', 'READ-ONLY', 'READ-WRITE', 'TRYCREATE', 'UIDREQUIRED', 'UNSEEN']) t.ok(codes.has(known), `${known} is found in the code`)
  for (const code of [...codes].sort()) {
    const elsewhere = shownElsewhere.get(code)
    if (elsewhere !== undefined) t.match(fs.readFileSync(path.join(root, elsewhere), 'utf8'), new RegExp(`\\[${code}\\b`), `${elsewhere} shows ${code}`)
    else t.match(heard, new RegExp(`\\[(?:\\{\\{\\()?(?:[A-Z-]+\\|)*${code}(?:\\|[A-Z-]+)*(?:\\)\\}\\})?[ {\\]]`), `a transcript shows [${code}]`)
  }
})
