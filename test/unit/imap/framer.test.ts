import t from 'tap'
import { Framer } from '../../../actors/session/framer.ts'

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0))
const text = (b: Uint8Array): string => String.fromCharCode(...b)

/** What a client's bytes become when every literal is treated as `decide` says; pushed in pieces of `step` bytes. */
function framed(input: string, options: { lineBytes?: number; step?: number; decide?: (size: number) => 'collect' | 'stream' | 'refuse' } = {}): string[] {
  const framer = new Framer({ lineBytes: options.lineBytes ?? 1000, swallowBytes: 1e9 })
  const out: string[] = []
  const step = options.step ?? input.length
  for (let at = 0; at < input.length; at += step) {
    framer.push(bytes(input.slice(at, at + step)))
    drain(framer, out, options.decide ?? (() => 'collect'))
  }
  return joined(out)
}

function drain(framer: Framer, out: string[], decide: (size: number) => 'collect' | 'stream' | 'refuse'): void {
  while (true) {
    if (framer.left > 0) {
      const piece = framer.chunk()
      if (piece === undefined) return
      out.push(`stream:${text(piece)}`)
      continue
    }
    const next = framer.next()
    if (next === undefined) return
    if (next.kind === 'literal') {
      const how = decide(next.size)
      if (how !== 'collect') out.push(`${how} ${next.sync ? 'sync' : 'now'} ${next.size}`)
      framer[how]()
    } else if (next.kind === 'endless') return void out.push('endless')
    else out.push(next.kind === 'command' ? `command:${text(next.bytes)}` : `tooLong:${text(next.prefix).slice(0, 5)}`)
  }
}

/** Streamed pieces put together, since their cuts depend on the pushes. */
function joined(out: string[]): string[] {
  const all: string[] = []
  for (const item of out) {
    const last = all.length - 1
    if (item.startsWith('stream:') && all[last]?.startsWith('stream:')) all[last] += item.slice(7)
    else all.push(item)
  }
  return all
}

const cases: [name: string, input: string, expected: string[], options?: Parameters<typeof framed>[1]][] = [
  ['lines end in CRLF', 'a NOOP\r\nb NOOP\r\n', ['command:a NOOP', 'command:b NOOP']],
  ['a bare LF ends a line too', 'a NOOP\nb\n', ['command:a NOOP', 'command:b']],
  ['a bare CR is a byte', 'a\rb\r\n', ['command:a\rb']],
  ['an empty line is a command', '\r\n', ['command:']],
  ['literals stay in place', 'a LOGIN {3}\r\nfoo {2+}\r\nb\n\r\n', ['command:a LOGIN {3}\r\nfoo {2+}\r\nb\n']],
  ['an empty literal', 'a X {0}\r\n\r\n', ['command:a X {0}\r\n']],
  ['braces that announce nothing', 'a {x}\r\nb {}\r\nc {1+2}\r\nd 3}\r\n', ['command:a {x}', 'command:b {}', 'command:c {1+2}', 'command:d 3}']],
  ['a line end within a literal ends nothing', 'a {4}\r\n\r\n\r\n\r\nb\r\n', ['command:a {4}\r\n\r\n\r\n', 'command:b']],
  ['streamed, and the rest of the line', 'a {5}\r\nhello x\r\nb\r\n', ['stream sync 5', 'stream:hello', 'command: x', 'command:b'], { decide: () => 'stream' }],
  ['refused before it is sent', 'a {5}\r\nb\r\n', ['refuse sync 5', 'command:b'], { decide: () => 'refuse' }],
  ['refused while it is on its way', 'a {5+}\r\nhello x\r\nb\r\n', ['refuse now 5', 'command:b'], { decide: () => 'refuse' }],
  ['refused with a further literal', 'a {2+}\r\nhe {7+}\r\nx EVIL\n y\r\nb\r\n', ['refuse now 2', 'command:b'], { decide: () => 'refuse' }],
  ['refused, then a literal that waits', 'a {2+}\r\nhe {7}\r\nb\r\n', ['refuse now 2', 'command:b'], { decide: () => 'refuse' }],
  ['a literal not worth swallowing', 'a {2+}\r\nhe {99999999999+}\r\nb\r\n', ['refuse now 2', 'endless'], { decide: () => 'refuse', step: 1000 }],
  ['an over-long line is swallowed', `${'x'.repeat(50)}\r\nb\r\n`, ['tooLong:xxxxx', 'command:b'], { lineBytes: 20 }],
  ['an over-long line that just fits', `${'x'.repeat(20)}\r\nb\r\n`, [`command:${'x'.repeat(20)}`, 'command:b'], { lineBytes: 20 }],
  ['an over-long line with a literal', `${'x'.repeat(50)} {8+}\r\na EVIL\r\n z\r\nb\r\n`, ['tooLong:xxxxx', 'command:b'], { lineBytes: 20 }],
  ['collected literals do not count', `a {30}\r\n${'y'.repeat(30)}\r\nb\r\n`, [`command:a {30}\r\n${'y'.repeat(30)}`, 'command:b'], { lineBytes: 21 }],
]

for (const [name, input, expected, options] of cases) {
  for (const step of options?.step === undefined ? [1, 2, 3, 7, input.length] : [options.step]) t.same(framed(input, { ...options, step }), expected, `${name}, ${step} bytes at a time`)
}

t.test('an over-long line is refused before its end comes', async (t) => {
  const framer = new Framer({ lineBytes: 10, swallowBytes: 1e9 })
  framer.push(bytes('x'.repeat(12)))
  t.equal(framer.next()?.kind, 'tooLong')
  for (let i = 0; i < 100; i++) {
    framer.push(bytes('x'.repeat(1000)))
    t.equal(framer.next(), undefined)
    t.ok(framer.buffered <= 32, 'nothing of it is kept')
  }
  framer.push(bytes('\r\nb\r\n'))
  t.equal(text((framer.next() as { bytes: Uint8Array }).bytes), 'b')
})

t.test('a huge literal that is refused is swallowed without being kept', async (t) => {
  const framer = new Framer({ lineBytes: 100, swallowBytes: 1e9 })
  framer.push(bytes('a {1000000+}\r\n'))
  framer.next()
  framer.refuse()
  for (let i = 0; i < 1000; i++) {
    framer.push(new Uint8Array(1000))
    t.equal(framer.next(), undefined)
    if (framer.buffered > 0) t.fail('kept')
  }
  framer.push(bytes('\r\nb\r\n'))
  t.equal(text((framer.next() as { bytes: Uint8Array }).bytes), 'b')
})

t.test('a size beyond all numbers is a literal all the same', async (t) => {
  const framer = new Framer({ lineBytes: 100, swallowBytes: 1e9 })
  framer.push(bytes('a {99999999999999999999+}\r\n'))
  const next = framer.next()
  t.equal(next?.kind, 'literal')
  t.ok(next?.kind === 'literal' && next.size > 1e19)
})

t.test('SASL and DONE lines are taken as they are', async (t) => {
  const framer = new Framer({ lineBytes: 10, swallowBytes: 1e9 })
  framer.push(bytes('abc{3}\r\nDO'))
  t.equal(text(framer.line() as Uint8Array), 'abc{3}')
  t.equal(framer.line(), undefined)
  framer.push(bytes(`NE\r\n${'y'.repeat(30)}\r\nz\r\n`))
  t.equal(text(framer.line() as Uint8Array), 'DONE')
  t.equal(framer.line(), 'tooLong')
  t.equal(text(framer.line() as Uint8Array), 'z')
})

t.test('what is not consumed goes along', async (t) => {
  const framer = new Framer({ lineBytes: 100, swallowBytes: 1e9 })
  framer.push(bytes('a\r\nb {3}\r\nfo'))
  framer.next()
  t.equal(text(framer.rest()), 'b {3}\r\nfo')
  t.equal(framer.buffered, 0)
})
