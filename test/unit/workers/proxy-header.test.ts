// PROXY headers of both versions: whole, in pieces, malformed, late, and at the head of a client's own bytes.

import { Buffer } from 'node:buffer'
import net from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { parseProxyHeader, readProxyHeader } from '../../../workers/proxy-header.ts'
import type { Proxied } from '../../../workers/proxy-header.ts'
import { HandClock } from '../auth/double.ts'

const signature = '0d0a0d0a000d0a515549540a'
const v2 = (hex: string): Buffer => Buffer.from(signature + hex.replaceAll(' ', ''), 'hex')
const line = (text: string): Buffer => Buffer.from(`${text}\r\n`, 'latin1')
const proxied = (remoteIp: string, remotePort: number, localIp: string, localPort: number): Proxied =>
  ({ remote: { ip: remoteIp, port: remotePort }, local: { ip: localIp, port: localPort } })

const ip4 = 'c6336407 cb007101 8f73 008f'
const ip6 = `20010db8000000000000000000000001 20010db8000000000000000000000002 8f73 008f`
const v4said = proxied('198.51.100.7', 36723, '203.0.113.1', 143)
const v6said = proxied('2001:db8::1', 36723, '2001:db8::2', 143)

const text = (type: string, value: string): string => type + Buffer.byteLength(value).toString(16).padStart(4, '0') + Buffer.from(value).toString('hex')
/** PP2_TYPE_SSL: what the client has, whether its certificate was verified (0), and more. */
const ssl = (client: string, verify: string, ...inner: string[]): string => {
  const value = `${client}${verify}${inner.join('')}`
  return `20${(value.length / 2).toString(16).padStart(4, '0')}${value}`
}
const withTlvs = (...tlvs: string[]): Buffer => v2(`21 11 ${(12 + tlvs.join('').length / 2).toString(16).padStart(4, '0')} ${ip4} ${tlvs.join('')}`)
const version = text('21', 'TLSv1.3')
const cipher = text('23', 'TLS_AES_128_GCM_SHA256')
const plain = { protocol: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256' }

const good: [string, Buffer, Proxied | undefined][] = [
  ['TCP4', line('PROXY TCP4 198.51.100.7 203.0.113.1 36723 143'), v4said],
  ['TCP6', line('PROXY TCP6 2001:DB8:0:0::1 2001:db8::2 36723 143'), v6said],
  ['TCP6 with IPv4 in it', line('PROXY TCP6 ::ffff:198.51.100.7 ::ffff:203.0.113.1 36723 143'), v4said],
  ['UNKNOWN', line('PROXY UNKNOWN'), undefined],
  ['UNKNOWN with more', line('PROXY UNKNOWN ffff::1 ffff::2 65535 65535'), undefined],
  ['v2 TCP4', v2(`21 11 000c ${ip4}`), v4said],
  ['v2 TCP6', v2(`21 21 0024 ${ip6}`), v6said],
  ['v2 with TLVs', v2(`21 11 0013 ${ip4} 04 0004 00000000`), v4said],
  ['v2 with TLS', withTlvs(ssl('01', '00000000', version, cipher)), { ...v4said, tls: plain }],
  ['v2 with TLS and a name', withTlvs(text('02', 'Mail.Example.com'), ssl('01', '00000000', version, cipher)), { ...v4said, tls: { ...plain, serverName: 'mail.example.com' } }],
  ['v2 with a certificate', withTlvs(ssl('07', '00000000', version, cipher, text('22', 'alice'))), { ...v4said, tls: { ...plain, certificate: { valid: true, name: 'alice' } } }],
  ['v2 with a bad certificate', withTlvs(ssl('07', '00000013', version, cipher, text('22', 'alice'))), { ...v4said, tls: { ...plain, certificate: { valid: false, name: 'alice', why: 'refused by the load balancer' } } }],
  ['v2 without TLS, and a name that would end a line', withTlvs(text('02', 'a\r\nb'), ssl('00', '00000001')), v4said],
  ['v2 with a certificate whose name would end a line', withTlvs(ssl('07', '00000000', version, cipher, text('22', 'a\nb'))), { ...v4said, tls: { ...plain, certificate: { valid: true } } }],
  ['v2 with TLVs that end too early', withTlvs('200100', version), v4said],
  ['v2 of 536 bytes', v2(`21 11 0208 ${ip4} ${'00'.repeat(508)}`), v4said],
  ['v2 LOCAL', v2('20 00 0000'), undefined],
  ['v2 LOCAL with addresses', v2(`20 11 000c ${ip4}`), undefined],
  ['v2 UNSPEC', v2('21 00 0003 aabbcc'), undefined],
  ['v2 UNIX', v2(`21 31 00d8 ${'2f'.repeat(216)}`), undefined],
]

t.test('headers, with and without what follows, in any pieces', async (t) => {
  for (const [name, header, said] of good) {
    for (const after of ['', 'a LOGIN u p\r\n', '\r\n'.repeat(1000)]) {
      const bytes = Buffer.concat([header, Buffer.from(after)])
      t.same(parseProxyHeader(bytes), { kind: 'header', used: header.length, ...(said === undefined ? {} : { proxied: said }) }, name)
    }
    for (let length = 0; length < header.length; length++) {
      const { kind } = parseProxyHeader(header.subarray(0, length))
      if (kind !== 'incomplete') t.equal(kind, 'incomplete', `${name}, first ${length} bytes`)
    }
  }
})

t.test('what is none', async (t) => {
  for (const [bytes, why] of [
    [Buffer.from('a LOGIN u p\r\n'), /not a PROXY header/], [Buffer.from('PROXX'), /not a/], [Buffer.from('\r\n\r\nQ'), /not a/], [Buffer.from([0x16, 3, 1]), /not a/],
    [line('PROXY TCP4 1.2.3.4 1.2.3.4 1'), /malformed/], [line('PROXY TCP4 1.2.3.4  1.2.3.4 1 2'), /malformed/], [line('PROXY TCP4 ::1 ::1 1 2'), /malformed/],
    [line('PROXY TCP6 1.2.3.4 1.2.3.4 1 2'), /malformed/], [line('PROXY TCP4 1.2.3.256 1.2.3.4 1 2'), /malformed/], [line('PROXY TCP4 1.2.3.4 1.2.3.4 65536 2'), /malformed/],
    [line('PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3'), /malformed/], [line('PROXY UDP4 1.2.3.4 1.2.3.4 1 2'), /malformed/], [line('PROXY UNKNOWNX'), /malformed/], [line('PROXY '), /malformed/],
    [line(`PROXY UNKNOWN ${'x'.repeat(100)}`), /too long/], [Buffer.from(`PROXY TCP4 ${'1'.repeat(96)}`), /too long/],
    [v2(`31 11 000c ${ip4}`), /version/], [v2(`22 11 000c ${ip4}`), /version/], [v2('21 12 000c'), /incomplete/], [v2(`21 12 000c ${ip4}`), /other than TCP/],
    [v2(`21 11 000b ${ip4}`), /without addresses/], [v2(`21 21 000c ${ip4}`), /without addresses/], [v2('21 11 0209'), /too long/], [v2('20 00 ffff'), /too long/],
  ] as const) {
    const parsed = parseProxyHeader(bytes)
    t.match(parsed.kind === 'bad' ? parsed.why : parsed.kind, why, bytes.toString('latin1'))
  }
})

t.test('any bytes: an answer, never more used than there are, never a wait beyond 536 bytes', async (t) => {
  const starts = [Buffer.alloc(0), Buffer.from('PROXY '), Buffer.from('PROXY TCP4 '), Buffer.from(signature, 'hex'), v2('21 11'), v2('21 21 00'), v2('20')]
  fc.assert(fc.property(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 700 }), (start, rest) => {
    const bytes = Buffer.concat([start, rest])
    const parsed = parseProxyHeader(bytes)
    if (parsed.kind === 'incomplete') return bytes.length < 536
    return parsed.kind === 'bad' || (parsed.used <= bytes.length && parsed.used <= 536)
  }), { numRuns: 3000 })
  const mutated = fc.record({ header: fc.constantFrom(...good.map(([, header]) => header)), at: fc.nat(600), to: fc.nat(255) })
  fc.assert(fc.property(mutated, ({ header, at, to }) => {
    const bytes = Buffer.from(header)
    bytes[at % bytes.length] = to
    const parsed = parseProxyHeader(bytes)
    return parsed.kind !== 'header' || parsed.used <= bytes.length
  }), { numRuns: 3000 })
  t.pass()
})

/** One connection to a listener that wants a header. */
async function accepted(test: { teardown(action: () => void): unknown }): Promise<{ client: net.Socket; clock: HandClock; outcome: Promise<{ socket: net.Socket; said?: Proxied | undefined; why?: string }> }> {
  const clock = new HandClock()
  let settle: (outcome: { socket: net.Socket; said?: Proxied | undefined; why?: string }) => void
  const outcome = new Promise<{ socket: net.Socket; said?: Proxied | undefined; why?: string }>((resolve) => { settle = resolve })
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    readProxyHeader(socket, clock.timers, 3000, { read: (said) => settle({ socket, said }), failed: (why) => settle({ socket, why }) })
    server.emit('taken')
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const taken = new Promise((resolve) => { server.once('taken', resolve) })
  const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
  client.on('error', () => {})
  test.teardown(() => { client.destroy(); server.close() })
  await taken
  return { client, clock, outcome }
}

t.test('off a socket: what follows the header is the client\'s', async (t) => {
  for (const [, header] of good.slice(0, 6)) {
    const { client, clock, outcome } = await accepted(t)
    client.write(Buffer.concat([header, Buffer.from('a NOOP\r\n')]))
    const { socket, why } = await outcome
    t.equal(why, undefined)
    t.equal(clock.waiting, 0, 'no timer is left')
    const heard = new Promise<string>((resolve) => {
      let text = ''
      socket.on('data', (bytes: Buffer) => {
        text += bytes.toString('latin1')
        if (text.includes('b NOOP')) resolve(text)
      })
    })
    socket.resume()
    client.write('b NOOP\r\n')
    t.equal(await heard, 'a NOOP\r\nb NOOP\r\n')
    socket.destroy()
  }
})

t.test('off a socket: late, gone, or none', async (t) => {
  const late = await accepted(t)
  late.client.write('PROXY TCP4 ')
  late.clock.advance(2999)
  late.clock.advance(1)
  t.match((await late.outcome), { why: 'no PROXY header in time', socket: { destroyed: true } })
  const gone = await accepted(t)
  gone.client.end('PROXY ')
  t.match((await gone.outcome).why, /ended before/)
  const none = await accepted(t)
  none.client.write('a LOGIN u p\r\n')
  t.match((await none.outcome).why, /not a PROXY header/)
  t.equal(none.clock.waiting, 0)
})
