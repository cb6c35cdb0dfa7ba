// Settings of IMAP by their effect.

import t from 'tap'
import { ImapClient, emptyUser } from '../../fixtures/imap-session.ts'
import type { ClientOptions } from '../../fixtures/imap-session.ts'

const login = async (settings: NonNullable<ClientOptions['settings']>): Promise<ImapClient> => {
  const c = new ImapClient({ settings, user: emptyUser() })
  await c.login()
  return c
}

t.test('imap_idle_notify_interval', async (t) => {
  const c = await login({ imap_idle_notify_interval: 60_000 })
  c.send('a IDLE\r\n')
  await c.until(/\+ idling\r\n/)
  c.time.pass(59_999)
  c.time.pass(1)
  t.equal(await c.until(/Still here\r\n/), '* OK Still here\r\n')
  c.time.pass(60_000)
  t.equal(await c.until(/Still here\r\n/), '* OK Still here\r\n')
  c.send('DONE\r\n')
  t.match(await c.answer('a'), [/^OK/])
  c.time.pass(120_000)
  t.same(await c.say('NOOP'), ['OK NOOP completed.'], 'in IDLE only')
  const never = await login({ imap_idle_notify_interval: 0 })
  never.send('a IDLE\r\n')
  await never.until(/\+ idling\r\n/)
  never.time.pass(600_000)
  never.send('DONE\r\n')
  t.match(await never.answer('a'), [/^OK/])
})

t.test('imap_hibernate_timeout', async (t) => {
  const c = await login({ imap_hibernate_timeout: 30_000, imap_idle_notify_interval: 0 })
  c.send('a IDLE\r\n')
  await c.until(/\+ idling\r\n/)
  c.time.pass(29_999)
  t.equal(c.parks, 0)
  c.time.pass(1)
  t.equal(c.parks, 1)
  c.send('DONE\r\nb IDLE\r\nDONE\r\n')
  t.match(await c.answer('b'), [/^a OK/, /idling/, /^OK/])
  c.time.pass(29_999)
  t.equal(c.parks, 1, 'whoever speaks is not parked')
  c.time.pass(1)
  t.equal(c.parks, 2, 'in IDLE or not')
  const never = await login({ imap_hibernate_timeout: 0 })
  never.time.pass(600_000)
  t.equal(never.parks, 0)
})

t.test('imap_id_send', async (t) => {
  for (const [setting, answer] of [['name *', '("name" "Culver")'], ['', 'NIL'], ['name * support-url https://example.com', '("name" "Culver" "support-url" "https://example.com")'], ['vendor *', '("vendor" NIL)']] as const) {
    const c = await login({ imap_id_send: setting })
    t.same(await c.say('ID NIL'), [`* ID ${answer}`, 'OK ID completed.'], setting)
  }
})

t.test('imap_id_log', async (t) => {
  const logged = async (imap_id_log: string): Promise<string[]> => {
    const c = await login({ imap_id_log })
    await c.say('ID ("Name" "x" "version" NIL "os" "a\tb")')
    return c.log.filter(({ name }) => name === 'imap.id').map(({ text }) => text)
  }
  t.same(await logged(''), [])
  t.same(await logged('name version'), ['ID sent: name=x, version=NIL'])
  t.same(await logged('*'), ['ID sent: name=x, version=NIL, os=a?b'])
})

t.test('mail_server_admin, mail_server_comment', async (t) => {
  const c = await login({ imap_metadata: true, mail_server_admin: 'mailto:admin@example.com', mail_server_comment: 'Zoë’s' })
  t.same(await c.say('GETMETADATA "" (/shared/admin /shared/comment)'),
    [`* METADATA "" (/shared/admin "mailto:admin@example.com" /shared/comment {${Buffer.byteLength('Zoë’s')}}`, `${Buffer.from('Zoë’s').toString('latin1')})`, 'OK Getmetadata completed.'])
  const none = await login({ imap_metadata: true })
  t.same(await none.say('GETMETADATA "" (/shared/admin)'), ['* METADATA "" (/shared/admin NIL)', 'OK Getmetadata completed.'])
})

t.test('imap_capability', async (t) => {
  const shown = async (imap_capability: string): Promise<string> => (await (await login({ imap_capability })).say('CAPABILITY'))[0]!
  t.equal(await shown('IMAP4rev1 X-ONLY'), '* CAPABILITY IMAP4rev1 X-ONLY')
  const usual = await shown('')
  t.match(usual, / COMPRESS=DEFLATE .* UNAUTHENTICATE /)
  t.equal(await shown('+X-MORE'), `${usual} X-MORE`)
  const off = await login({ imap_capability: '-UNAUTHENTICATE' })
  t.match(await off.say('UNAUTHENTICATE'), [/^BAD .*Unknown command/], 'a proxy must be able to rely on it (RFC 8437 §8)')
  t.match(await (await login({ imap_capability: 'IMAP4rev1 IDLE' })).say('UNAUTHENTICATE'), [/^BAD /])
  t.match(await (await login({ imap_capability: '+X-MORE' })).say('UNAUTHENTICATE'), [/^OK /])
  t.equal(await shown('-COMPRESS=DEFLATE'), usual.replace(' COMPRESS=DEFLATE', ''))
})

t.test('imap_max_line_length', async (t) => {
  const c = await login({ imap_max_line_length: 100 })
  t.match(await c.say(`NOOP${' '.repeat(200)}`), [/^BAD .*Too long argument/])
  t.same(await c.say('NOOP'), ['OK NOOP completed.'])
})
