// A proxy hands its client over by ID, as captured from Dovecot's; strangers try the same.

import t from 'tap'
import { ImapClient, emptyUser } from '../../fixtures/imap-session.ts'
import type { ClientOptions } from '../../fixtures/imap-session.ts'
import type { AuthRequest } from '../../../actors/auth-messages.ts'
import { LimitExceeded } from '../../../runtime/errors.ts'

const captured = 'I ID ("x-session-id" "crZ0n/JgdY9/AAAB" "x-originating-ip" "198.51.100.7" "x-originating-port" "36725" '
  + '"x-connected-ip" "203.0.113.1" "x-connected-port" "20143" "x-proxy-ttl" "4")\r\nL LOGIN "full" "pass"\r\n'

function connect(options: ClientOptions = {}): { client: ImapClient; asked: AuthRequest[] } {
  const asked: AuthRequest[] = []
  const client = new ImapClient({
    user: emptyUser('full'), ...options, seed: { trusted: true, ...options.seed }, settings: { imap_id_log: '*', ...options.settings },
    authenticate(request) {
      asked.push(request)
      return { status: 'ok', account: { user: request.username, home: '/', fields: {} } }
    },
  })
  return { client, asked }
}

const forwarded = {
  session: 'crZ0n/JgdY9/AAAB', remote: { ip: '198.51.100.7', port: 36725 }, local: { ip: '203.0.113.1', port: 20143 },
}
const own = { session: 'S1', remote: { ip: '192.0.2.1', port: 5000 }, local: { ip: '192.0.2.2', port: 143 } }

t.test('ID and LOGIN in one packet, or in any pieces', async (t) => {
  for (const piece of [captured.length, 1, 7]) {
    const { client, asked } = connect()
    for (let at = 0; at < captured.length; at += piece) client.send(captured.slice(at, at + piece))
    await client.until(/\* ID \("name" "Culver".*\)\r\nI OK ID completed\.\r\n/)
    await client.until(/L OK \[CAPABILITY IMAP4rev1 [^\]]*\] Logged in\r\n/)
    t.match(asked, [{ ...forwarded, peer: own.remote }])
    t.match(client.log, [{
      name: 'imap.login', session: forwarded.session,
      text: `Login: user=<full>, method=PLAIN, rip=198.51.100.7, lip=203.0.113.1, mpid=${process.pid}, secured, session=<${forwarded.session}>`,
    }])
    t.equal(client.log.length, 1, 'fields of proxies are no client id')
  }
})

t.test('strangers are neither believed nor logged', async (t) => {
  const { client, asked } = connect({ seed: { trusted: false } })
  client.send(captured)
  await client.until(/L OK /)
  t.match(asked, [own])
  t.equal(asked[0]!.forward, undefined)
  t.notOk('peer' in asked[0]!)
  t.notOk(client.log.some((event) => event.name === 'imap.id'))
  t.notOk(JSON.stringify(client.log).includes('198.51.100.7'))
})

t.test('only the first ID counts, and only before login', async (t) => {
  const { client, asked } = connect()
  await client.say('ID ("name" "webmail")')
  client.send(captured)
  await client.until(/L OK /)
  t.match(asked, [own])
  t.match(client.log[0], { name: 'imap.id', text: 'ID sent: name=webmail' })

  const late = connect()
  await late.client.say('LOGIN full pass')
  await late.client.say('ID ("x-session-id" "late")')
  t.equal(late.client.world.seed.id, 'S1')
})

t.test('keys in any case, aliases, IPv6, forwarded fields, the client\'s own beside them', async (t) => {
  const { client, asked } = connect()
  await client.say('ID ("X-Originating-IP" "2001:DB8:0:0::1" "X-SESSION-EXT-ID" "abc:P1" "x-forward-Site" "dc1" "x-forward-tier" "gold" "name" "Mail" "x-multiplex" "1")')
  await client.say('LOGIN full pass')
  t.match(asked, [{ session: 'abc:P1', remote: { ip: '2001:db8::1', port: 5000 }, local: own.local, forward: { site: 'dc1', tier: 'gold' } }])
  t.match(client.log[0], { text: 'ID sent: name=Mail', session: 'abc:P1' })
})

t.test('values that cannot be are passed over', async (t) => {
  for (const field of [
    '"x-originating-ip" "999.1.1.1"', '"x-originating-ip" "1.2.3.4\\" x"', '"x-originating-port" "65536"', '"x-originating-port" "-1"', '"x-connected-ip" ""',
    `"x-session-id" "${'s'.repeat(65)}"`, '"x-session-id" "a>, rip=<b"', '"x-session-id" "a b"', '"x-session-id" NIL', '"x-session-id" ""', '"x-proxy-ttl" "many"',
    `"x-forward-a" "${'v'.repeat(1025)}"`, `"x-forward-${'n'.repeat(31)}" "v"`, '"x-forward-" "v"', '"x-forward-a b" "v"', '"x-forward-a" "tab\there"',
  ]) {
    const { client, asked } = connect()
    t.match((await client.say(`ID (${field})`)).at(-1), /^OK ID completed/, field)
    await client.say('LOGIN full pass')
    t.match(asked, [own], field)
    t.same(asked[0]!.forward ?? {}, {}, field)
  }
  const { client } = connect()
  await client.say(`ID ("x-session-id" "${'s'.repeat(64)}")`)
  t.equal(client.world.seed.id, 's'.repeat(64))
  t.match((await client.say('ID ("x-session-id" {3+}\r\na\0b)')).at(-1), /^BAD /, 'NUL')
})

t.test('a connection that goes round in circles is refused', async (t) => {
  const { client, asked } = connect()
  client.send('I ID ("x-proxy-ttl" "0" "x-originating-ip" "198.51.100.7")\r\nL LOGIN full pass\r\n')
  await client.until(/I NO Proxying loops\.\r\n/)
  t.equal(await client.end(), '')
  t.ok(client.closed)
  t.same(asked, [])
  t.match(client.log, [{ text: 'Disconnected: Proxying loops: the TTL has reached zero: user=<>, rip=198.51.100.7, lip=192.0.2.2, secured, session=<S1>' }])
})

t.test('the session goes on elsewhere as the client that it is', async (t) => {
  const { client } = connect({ settle: async (_, freeze) => { freeze(); return { here: false } } })
  client.send(captured)
  await client.until(/I OK /)
  while (client.world.seed.id === 'S1') await new Promise((resolve) => setImmediate(resolve))
  t.match(structuredClone(client.world.seed), { id: forwarded.session, ownId: 'S1', remote: forwarded.remote, local: forwarded.local })
})

t.test('too many connections of one user and address', async (t) => {
  const text = 'Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)'
  const { client } = connect({ settle: () => Promise.reject(new LimitExceeded('mail_max_userip_connections', text)) })
  client.send(`${captured}n NOOP\r\n`)
  await client.until(/I OK /)
  t.equal(await client.until(/\r\nL .*\r\n/), `ID completed.\r\nL NO [LIMIT] ${text}\r\n`)
  t.equal(await client.end(), '', 'nothing more is answered')
  t.ok(client.closed)
  t.match(client.log, [{ text: `Disconnected: ${text}: user=<full>, method=PLAIN, rip=198.51.100.7, lip=203.0.113.1, secured, session=<${forwarded.session}>` }])
  t.equal(client.log.length, 1)
})
