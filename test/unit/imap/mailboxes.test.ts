// CREATE, DELETE, RENAME, LIST, LSUB, SUBSCRIBE, NAMESPACE, STATUS over the real user actor.

import t from 'tap'
import { append, autoMailbox, imapEngine, namespace } from '../../fixtures/imap-engine.ts'

t.test('LIST', async (t) => {
  const { login } = await imapEngine(t, { namespace: [namespace({ inbox: true, separator: '/',
    mailbox: [autoMailbox({ name: 'Sent', auto: 'subscribe', special_use: ['\\Sent'] })] })] })
  const c = await login()
  t.same(await c.say('LIST "" ""'), ['* LIST (\\Noselect) "/" ""', 'OK List completed.'])
  for (const name of ['a/b/c', 'Entw&APw-rfe', '"with space"', 'inboxes']) t.match(await c.say(`CREATE ${name}`), [/^OK \[MAILBOXID \(\w+\)\] Create completed\.$/], name)
  const list = async (reference: string, pattern: string): Promise<string> => {
    const lines = await c.say(`LIST ${reference} ${pattern}`)
    t.equal(lines.at(-1), 'OK List completed.')
    return lines.slice(0, -1).map((line) => line.replace(/^\* LIST \((.*)\) "\/" (.*)$/, '$2$1')).sort().join(' ')
  }
  t.equal(await list('""', '*'), ['"with space"\\HasNoChildren', 'Entw&APw-rfe\\HasNoChildren', 'INBOX\\HasNoChildren', 'Sent\\HasNoChildren \\Sent',
    'a/b/c\\HasNoChildren', 'a/b\\Noselect \\HasChildren', 'a\\Noselect \\HasChildren', 'inboxes\\HasNoChildren'].sort().join(' '))
  t.equal(await list('""', 'inbox'), 'INBOX\\HasNoChildren')
  t.equal(await list('""', '"inb%"'), 'INBOX\\HasNoChildren inboxes\\HasNoChildren')
  t.equal(await list('a/', '%'), 'a/b\\Noselect \\HasChildren')
  t.equal(await list('""', 'a*'), 'a/b/c\\HasNoChildren a/b\\Noselect \\HasChildren a\\Noselect \\HasChildren')
  t.equal(await list('""', 'a/%/c'), 'a/b/c\\HasNoChildren')
  t.equal(await list('""', 'Entw*'), 'Entw&APw-rfe\\HasNoChildren')
  t.equal(await list('""', 'nothing'), '')
})

t.test('prefix, separator, NAMESPACE', async (t) => {
  const { login } = await imapEngine(t, { namespace: [namespace({ inbox: true, separator: '.', prefix: 'INBOX.' })] })
  const c = await login()
  t.same(await c.say('NAMESPACE'), ['* NAMESPACE (("INBOX." ".")) NIL NIL', 'OK Namespace completed.'])
  t.match(await c.say('CREATE INBOX.Work'), [/^OK \[MAILBOXID \(\w+\)\] Create completed\.$/])
  t.same(await c.say('LIST "" *'), ['* LIST (\\HasChildren) "." INBOX', '* LIST (\\HasNoChildren) "." INBOX.Work', 'OK List completed.'])
  t.same(await c.say('LIST "" inbox.%'), ['* LIST (\\HasNoChildren) "." INBOX.Work', 'OK List completed.'])
  t.same(await c.say('LIST INBOX. ""'), ['* LIST (\\Noselect) "." INBOX.', 'OK List completed.'])
})

t.test('CREATE, DELETE, RENAME and their refusals', async (t) => {
  const { login } = await imapEngine(t)
  const c = await login()
  const codes: [said: string, answer: RegExp][] = [
    ['CREATE a', /^OK/], ['CREATE a', /^NO \[ALREADYEXISTS\]/], ['CREATE inbox', /^NO \[ALREADYEXISTS\]/], ['CREATE &ATE-nbox', /^OK/], // without the dot it is no INBOX, though its capital is one
     ['CREATE b/', /^OK/],
    ['DELETE x', /^NO \[NONEXISTENT\]/], ['DELETE INBOX', /^NO \[/], ['RENAME x y', /^NO \[NONEXISTENT\]/], ['RENAME a b/c', /^OK/],
    ['SELECT a', /^NO \[NONEXISTENT\]/], ['SELECT b/c', /^OK \[READ-WRITE\]/], ['RENAME b d', /^OK/], ['STATUS d/c (MESSAGES)', /^OK/],
    ['CREATE ""', /^NO \[CANNOT\]/],
  ]
  for (const [said, answer] of codes) t.match((await c.say(said)).at(-1), answer, said)
  t.same(await c.say('DELETE d/c'), ['* OK [CLOSED] Previous mailbox closed.', 'OK Delete completed.'], 'the selected mailbox is closed first')
  t.same(await c.say('FETCH 1 FLAGS'), ['BAD No mailbox selected.'])
})

t.test('RENAME of INBOX moves its mails', async (t) => {
  const { login } = await imapEngine(t)
  const c = await login()
  await append(c)
  t.same(await c.say('RENAME INBOX old'), ['OK Rename completed.'])
  t.match(await c.say('STATUS INBOX (MESSAGES)'), ['* STATUS INBOX (MESSAGES 0)'])
  t.match(await c.say('STATUS old (MESSAGES)'), ['* STATUS old (MESSAGES 1)'])
})

t.test('subscriptions', async (t) => {
  const { login } = await imapEngine(t)
  const c = await login({ imap_client_workarounds: ['tb-lsub-flags', 'tb-extra-mailbox-sep'] })
  for (const said of ['CREATE a/b', 'SUBSCRIBE a/b', 'CREATE c', 'SUBSCRIBE c/', 'CREATE gone', 'SUBSCRIBE gone', 'DELETE gone']) t.match((await c.say(said)).at(-1), /^OK/, said)
  t.same((await c.say('LSUB "" *')).sort(), ['* LSUB () "/" a/b', '* LSUB () "/" c', '* LSUB (\\Noselect) "/" gone', 'OK Lsub completed.'])
  t.same((await c.say('LSUB "" %')).sort(), ['* LSUB () "/" c', '* LSUB (\\Noselect) "/" a', '* LSUB (\\Noselect) "/" gone', 'OK Lsub completed.'])
  t.match((await c.say('UNSUBSCRIBE gone')).at(-1), /^OK/, 'what exists no more can be unsubscribed')
  t.same((await c.say('LSUB "" g*')), ['OK Lsub completed.'])
})

t.test('STATUS', async (t) => {
  const { login } = await imapEngine(t)
  const c = await login()
  await append(c, 'INBOX', '(\\Seen)')
  await append(c)
  const [line] = await c.say('STATUS inbox (messages RECENT uidnext UIDVALIDITY UNSEEN)')
  t.match(line, /^\* STATUS INBOX \(MESSAGES 2 RECENT 2 UIDNEXT 3 UIDVALIDITY \d+ UNSEEN 1\)$/)
  t.match((await c.say('STATUS INBOX (FOO)')).at(-1), /^BAD Error in IMAP command STATUS: Unknown status item FOO/)
  t.match((await c.say('STATUS INBOX ()')).at(-1), /^BAD/)
  t.match((await c.say('STATUS none (MESSAGES)')).at(-1), /^NO \[NONEXISTENT\]/)
})

t.test('METADATA, where imap_metadata is off', async (t) => {
  const { login } = await imapEngine(t)
  const c = await login()
  t.notMatch((await c.say('CAPABILITY'))[0], /METADATA/)
  t.same(await c.say('GETMETADATA "" /private/comment'), ['BAD Error in IMAP command GETMETADATA: Unknown command.'])
  t.match((await c.say('SETMETADATA "" (/private/comment "x")')).at(-1), /^BAD .* Unknown command/)
  t.match((await c.say('LIST "" * RETURN (METADATA (/private/comment))')).at(-1), /^BAD .* Unknown return option/)
})

t.test('tb-extra-mailbox-sep knows the separator of each namespace', async (t) => {
  const { login } = await imapEngine(t, {
    namespace: [namespace({ inbox: true, separator: '/' }), namespace({ name: 'archive', prefix: 'Old.', separator: '.' })],
    imap_client_workarounds: ['tb-extra-mailbox-sep'],
  })
  const c = await login()
  t.match((await c.say('CREATE Old.2025')).at(-1), /^OK/)
  t.match((await c.say('CREATE box')).at(-1), /^OK/)
  t.match(await c.say('STATUS Old.2025. (MESSAGES)'), ['* STATUS Old.2025 (MESSAGES 0)'])
  t.match(await c.say('STATUS box/ (MESSAGES)'), ['* STATUS box (MESSAGES 0)'])
  t.match((await c.say('STATUS box. (MESSAGES)')).at(-1), /^NO/, 'which is no separator there')
})
