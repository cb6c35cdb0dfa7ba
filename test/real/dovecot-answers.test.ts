// The same commands to Culver and to Debian's Dovecot 2.3: where both have an extension, they answer alike.
//
// Left out of the comparison: texts for people, times, UIDVALIDITY and the like, the order of untagged responses, and how a string
// is written (quoted or literal). Where the answers differ on purpose, the command is not here, and the transcripts say what Culver does.

import fs from 'node:fs'
import path from 'node:path'
import type { Test as Tap } from 'tap'
import { LineClient } from '../fixtures/line-client.ts'
import { runProgram } from '../fixtures/program.ts'
import { password } from '../fixtures/server.ts'
import { clientTest } from './client-test.ts'

const user = 'alike'
const message = (subject: string, more = '', body = 'Hello   there\r\n> quoted\r\nworld.\r\n'): string => `Subject: ${subject}\r\n${more}\r\n${body}`
const literal = (text: string): string => `{${Buffer.byteLength(text)}+}\r\n${text}`
const encoded = message('parts', 'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n',
  '--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nh=65llo=\r\n world\r\n--b\r\nContent-Type: application/x\r\nContent-Transfer-Encoding: base64\r\n\r\nAGFi\r\nY2Rl\r\n--b--\r\n')
const binary = message('binary', 'MIME-Version: 1.0\r\nContent-Type: application/x\r\nContent-Transfer-Encoding: binary\r\n', 'a\0b\r\n')

const commands = [
  'CREATE box', 'CREATE a/b', 'SUBSCRIBE a/b', 'CREATE x', 'SUBSCRIBE x', 'DELETE x',
  `APPEND box (\\Seen) ${literal(message('one'))} ${literal(message('two'))}`, `APPEND nowhere ${literal('a: b\r\n')}`,
  `APPEND box ${literal(message('kept?'))} {0+}\r\n`, `APPEND box ${literal(encoded)}`,
  'STATUS box (MESSAGES UIDNEXT UNSEEN SIZE)',
  'LIST (SUBSCRIBED) "" a*', 'LIST (SUBSCRIBED) "" a* RETURN (CHILDREN)', 'LIST (RECURSIVEMATCH) "" *', 'LIST (RECURSIVEMATCH REMOTE) "" *', 'LIST (SPECIAL-USE) "" *',
  'LIST "" (INBOX box b*) RETURN (STATUS (MESSAGES SIZE))', `APPEND box ~${literal(binary)}`, 'LIST (REMOTE) "" box', 'LIST "" "" RETURN (CHILDREN)', 'LIST "" () RETURN (CHILDREN)', 'LIST (BOGUS) "" *',
  'LIST "" * RETURN (BOGUS)', 'LIST (SUBSCRIBED RECURSIVEMATCH) "" a',
  'FETCH 3 (BINARY.PEEK[1] BINARY.SIZE[1] BINARY.SIZE[2])', 'FETCH 3 (BINARY.PEEK[2]<1.3>)', 'FETCH 3 (BINARY.PEEK[2])', 'FETCH 3 BINARY.PEEK[TEXT', 'FETCH 4 (BINARY.PEEK[1])',
  'FETCH 1:3 (PREVIEW)', 'FETCH 1 (PREVIEW (LAZY))', 'FETCH 1:2 SNIPPET', 'FETCH 1 SNIPPET (FUZZY)', 'FETCH 1 SNIPPET (LAZY=FUZZY)', 'FETCH 1 (PREVIEW (BOGUS))',
  `APPEND a/b CATENATE (URL "/box/;UID=1/;SECTION=HEADER" TEXT ${literal('Text\r\n')} URL ";UID=1/;SECTION=TEXT/;PARTIAL=3.9")`, 'APPEND a/b CATENATE (URL "/box/;UID=99")',
  'APPEND a/b CATENATE (URL "http://x/")', 'APPEND a/b CATENATE ()', 'STATUS a/b (MESSAGES SIZE)',
  'GETMETADATA INBOX /private/comment', 'SETMETADATA INBOX (/private/comment "mine" /private/vendor/x/y "deep")', 'GETMETADATA INBOX (/PRIVATE/comment)', 'GETMETADATA (DEPTH 1) INBOX /private',
  'GETMETADATA (MAXSIZE 4) INBOX (/private/comment /private/vendor/x/y)', 'GETMETADATA (DEPTH 1 MAXSIZE 3) INBOX /private', 'SETMETADATA INBOX (/private/comment NIL)', 'GETMETADATA INBOX (/private/comment)', 'SETMETADATA INBOX (comment "x")',
  'SETMETADATA INBOX (/private/* "x")', 'SETMETADATA INBOX (/other/x "x")', 'SETMETADATA INBOX (/private//x "x")', 'SETMETADATA INBOX (/private/x)', 'GETMETADATA (BOGUS 1) INBOX /private/comment',
  'MYRIGHTS box', 'GETACL box', 'SETACL box bob lrs', 'SETACL box bob -s', 'GETACL box', 'DELETEACL box bob', 'GETACL box', 'SETACL box bob Q', 'GETACL nowhere',
  // Dovecot answers several FETCHes at a time: a SELECT between them keeps their answers apart.
].flatMap((command) => (command.startsWith('FETCH') ? ['SELECT box', command] : [command]))

const said = commands.map((command, i) => `t${i} ${command}\r\n`).join('') + 'end LOGOUT\r\n'

/** Each command's answer, in a form in which equals are equal. */
function answers(heard: string): string[] {
  const found: string[] = []
  let lines: string[] = []
  // A literal becomes a quoted string, so that a response is a line.
  const flat = heard.replace(/~?\{(\d+)\}\r\n([\s\S]*)/, function unfold(_: string, size: string, rest: string): string {
    const end = Number(size)
    return JSON.stringify(rest.slice(0, end)) + rest.slice(end).replace(/~?\{(\d+)\}\r\n([\s\S]*)/, unfold)
  })
  for (const line of flat.split('\r\n')) {
    const tagged = /^t\d+ (OK|NO|BAD) ?(?:\[([A-Z-]+))?/.exec(line)
    if (line.startsWith('* ') && !/^\* (\d+ (EXISTS|RECENT)|OK|FLAGS|BYE|CAPABILITY|PREAUTH)/.test(line)) lines.push(normal(line))
    if (tagged === null) continue
    found.push([...lines.sort(), tagged[1], tagged[2] === 'MAILBOXID' || tagged[1] === 'NO' ? '' : tagged[2] ?? ''].join('\n').trim())
    lines = []
  }
  return found
}

/** RFC 5258 lets a server say \NonExistent or \Noselect; attributes and the entries of a list have no order; \Marked is a guess. */
function normal(line: string): string {
  const list = /^\* LIST \(([^)]*)\) (.*)$/.exec(line)
  if (list !== null) {
    const attributes = list[1]!.replace('\\NonExistent', '\\Noselect').split(' ').filter((one) => !/^\\(Un)?Marked$/.test(one))
    return `* LIST (${attributes.sort().join(' ')}) ${list[2]!}`
  }
  const acl = /^\* ACL (\S+) (.*)$/.exec(line)
  return acl === null ? line : `* ACL ${acl[1]!} ${(acl[2]!.match(/\S+ \S+/g) ?? []).sort().join(' ')}`
}

async function dovecot(t: Tap, scratch: string): Promise<string> {
  for (const folder of ['mail', 'home', 'run']) fs.mkdirSync(path.join(scratch, folder))
  const config = path.join(scratch, 'dovecot.conf')
  const asRoot = process.getuid?.() === 0
  fs.writeFileSync(config, `base_dir = ${scratch}/run
mail_location = sdbox:${scratch}/mail
mail_home = ${scratch}/home
log_path = ${scratch}/log
ssl = no
protocols = imap
${asRoot ? 'mail_uid = 65534\nmail_gid = 65534\nfirst_valid_uid = 1' : ''}
mail_attribute_dict = file:${scratch}/home/attributes
mail_plugins = acl
protocol imap {
  imap_metadata = yes
  mail_plugins = acl imap_acl
}
plugin {
  acl = vfile
}
namespace inbox {
  inbox = yes
  separator = /
  mailbox Drafts {
    auto = create
    special_use = \\Drafts
  }
  mailbox Sent {
    auto = subscribe
    special_use = \\Sent
  }
  mailbox Trash {
    auto = create
    special_use = \\Trash
  }
}
`)
  fs.writeFileSync(path.join(scratch, 'log'), '')
  // It refuses to be root, and becomes nobody.
  if (asRoot) {
    for (const folder of [path.dirname(scratch), scratch]) fs.chmodSync(folder, 0o755)
    for (const name of ['mail', 'home', 'log']) fs.chownSync(path.join(scratch, name), 65534, 65534)
  }
  // It wants no socket for its standard input and output.
  const done = await runProgram('sh', ['-c', 'cat | /usr/lib/dovecot/imap -c "$0" | cat', config], { input: said, cwd: scratch, env: { USER: user, HOME: `${scratch}/home` } })
  t.match(done.stdout, /end OK/, `Dovecot has answered everything: ${done.stderr}${fs.readFileSync(path.join(scratch, 'log'), 'utf8')}`)
  return done.stdout
}

clientTest('answers as of Dovecot', ['dovecot-imapd'], async (t, { server, scratch }) => {
  const client = await LineClient.connect(server.imapPort)
  await client.line()
  await client.command('login', `LOGIN ${user} ${password}`)
  await client.send(Buffer.from(said, 'latin1'))
  let ours = ''
  for (let line = await client.line(); line !== undefined; line = await client.line()) ours += `${line}\r\n`
  const theirs = answers(await dovecot(t, scratch))
  const mine = answers(ours)
  t.equal(mine.length, commands.length)
  t.equal(theirs.length, commands.length)
  for (const [i, command] of commands.entries()) t.same(mine[i]?.split('\n'), theirs[i]?.split('\n'), command.replace(/\r\n.*/s, ''))
})
