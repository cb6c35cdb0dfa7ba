// Session ids: Dovecot's form, unique, and made of any address.

import { Buffer } from 'node:buffer'
import t from 'tap'
import { sessionId } from '../../../workers/session-id.ts'

const decode = (id: string): number[] => [...Buffer.from(id, 'base64')]

void t.test('microseconds, port and address', (t) => {
  const now = Date.UTC(2026, 10, 23)
  const bytes = decode(sessionId(now, { ip: '192.0.2.7', port: 0x1234 }))
  t.equal(bytes.length, 12)
  const micros = bytes.slice(0, 6).reduce((sum, byte, i) => sum + byte * 2 ** (8 * i), 0)
  t.equal(micros, (now * 1000) % 2 ** 48)
  t.same(bytes.slice(6), [0x34, 0x12, 192, 0, 2, 7])
  t.end()
})

void t.test('IPv6, and no address', (t) => {
  const address = (ip: string): string => Buffer.from(decode(sessionId(0, { ip, port: 0 })).slice(8)).toString('hex')
  t.equal(address('2001:db8::1'), '20010db8000000000000000000000001')
  t.equal(address('::1'), '00000000000000000000000000000001')
  t.equal(address('fe80::1%eth0'), 'fe800000000000000000000000000001')
  t.equal(address('1:2:3:4:5:6:7:8'), '00010002000300040005000600070008')
  t.equal(address(''), '', 'a UNIX socket')
  t.end()
})

void t.test('never the same twice, whatever the clock does', (t) => {
  const seen = new Set<string>()
  const remote = { ip: '127.0.0.1', port: 1 }
  for (const now of [5000, 5000, 5000, 5001, 4000, 4000, 5001]) for (let i = 0; i < 1500; i++) seen.add(sessionId(now, remote))
  t.equal(seen.size, 7 * 1500)
  t.match([...seen].join(''), /^[A-Za-z0-9+/]+$/, 'nothing that logs or proxies would quote')
  t.end()
})
