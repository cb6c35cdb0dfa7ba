// ID. RFC 2971. What is answered is imap_id_send, what of the client's is logged is imap_id_log.
//
// A trusted proxy's first ID before login hands its client over, in fields `x-…` that are no client's own: from anybody
// else they are neither believed nor logged. Of the others some tell a client that needs workarounds (conf/clients).

import { No, command, ok } from '../command.ts'
import type { ImapSession } from '../command.ts'
import { nstring, utf8 } from '../encode.ts'
import type { Parser } from '../grammar.ts'
import { limits } from '../../../../runtime/limits.ts'
import { take, takeForward } from '../../hand-over.ts'
import type { Attribute, HandOver } from '../../hand-over.ts'

type Pairs = [name: string, value: string | undefined][]

/** id-params = "(" [string SP nstring *(SP string SP nstring)] ")" / nil */
function pairs(p: Parser): Pairs {
  if (p.take('NIL')) return []
  const found: Pairs = []
  p.list((q) => {
    const name = q.string('a field name')
    if (found.length >= limits.idFields) q.fail('Too many fields')
    found.push([name.toLowerCase(), q.sp().nstring()])
  })
  return found
}

/** `name * version 1` → `("name" "Culver" "version" "1")`; `*` stands for Culver's own value. */
function answer(setting: string): string {
  const words = setting.split(' ').filter((word) => word !== '')
  const own: Record<string, string> = { name: 'Culver' }
  const fields: string[] = []
  for (let i = 0; i + 1 < words.length; i += 2) {
    const value = words[i + 1] === '*' ? own[words[i]!.toLowerCase()] : words[i + 1]
    fields.push(`${nstring(utf8(words[i]!))} ${nstring(value === undefined ? undefined : utf8(value))}`)
  }
  return fields.length === 0 ? 'NIL' : `(${fields.join(' ')})`
}

const attributes = new Map<string, Attribute>([
  ['x-originating-ip', 'remoteIp'], ['x-originating-port', 'remotePort'], ['x-connected-ip', 'localIp'], ['x-connected-port', 'localPort'],
  ['x-session-id', 'session'], ['x-session-ext-id', 'session'], ['x-proxy-ttl', 'ttl'],
])
const forward = 'x-forward-'

/** Fields of proxies; x-multiplex is one that Dovecot knows and ignores. */
const isReserved = (name: string): boolean => attributes.has(name) || name.startsWith(forward) || name === 'x-multiplex'

/** What a proxy says. Fields that cannot be taken are passed over, as Dovecot does. */
function handOver(client: Pairs): HandOver {
  const said: HandOver = {}
  for (const [name, value = ''] of client) {
    const attribute = attributes.get(name)
    if (attribute !== undefined) take(said, attribute, value)
    else if (name.startsWith(forward)) takeForward(said, name.slice(forward.length), value)
  }
  return said
}

function hearProxy(client: Pairs, s: ImapSession): void {
  const first = !s.identified
  s.identified = true
  if (!first || s.authenticated || !s.world.seed.trusted || !client.some(([name]) => isReserved(name))) return
  const said = handOver(client)
  s.world.handOver(said)
  if (said.ttl === 0) throw new No('', 'Proxying loops.', { why: 'Proxying loops: the TTL has reached zero' })
}

function log(client: Pairs, s: ImapSession): void {
  const wanted = s.settings.imap_id_log.toLowerCase().split(' ')
  const shown = client.filter(([name]) => !isReserved(name)).filter(([name]) => wanted.includes('*') || wanted.includes(name))
  if (shown.length === 0) return
  const text = shown.map(([name, value]) => `${name}=${value ?? 'NIL'}`).join(', ').replace(/[\x00-\x1f\x7f]/g, '?')
  s.effects.emit({ level: 'info', name: 'imap.id', service: 'imap', session: s.world.seed.id, text: `ID sent: ${text}` })
}

export default command({
  name: 'ID', capability: 'ID', states: ['any'], flags: 0,
  parse: (p) => pairs(p.sp()),
  run(client, s) {
    hearProxy(client, s)
    log(client, s)
    s.identify(new Map(client.filter(([name]) => !isReserved(name))))
    s.send(`ID ${answer(s.settings.imap_id_send)}`)
    return ok('ID completed.')
  },
})
