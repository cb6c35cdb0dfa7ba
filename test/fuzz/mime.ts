// Generated mails against everything that reads mail: nothing throws, trees stay consistent, time and memory are bounded.
//
//   node test/fuzz/mime.ts [count = 20000] [seed = 1]
//
// Each input has a seed of its own, which a failure names: `node test/fuzz/mime.ts 1 SEED` replays it.

import { Buffer } from 'node:buffer'
import { isDeepStrictEqual } from 'node:util'
import { parseAddressList } from '../../actors/mail/address.ts'
import { parseDate } from '../../actors/mail/date.ts'
import { envelopeFields } from '../../actors/mail/envelope.ts'
import { LineEndings } from '../../actors/mail/line-endings.ts'
import { MessageParser } from '../../actors/mail/message-parser.ts'
import { decodeParams } from '../../actors/mail/parameters.ts'
import { bodyRange, decodeSummary, encodeSummary } from '../../actors/mail/summary.ts'
import { TextSearch } from '../../actors/mail/text-search.ts'
import type { MimePart, Summary } from '../../actors/mail/types.ts'
import { Bug } from '../../runtime/errors.ts'

/** xorshift32: the same numbers for the same seed, everywhere. */
class Dice {
  #state: number
  constructor(seed: number) { this.#state = (seed * 2654435761) >>> 0 || 1 }
  below(bound: number): number {
    this.#state ^= this.#state << 13
    this.#state ^= this.#state >>> 17
    this.#state ^= this.#state << 5
    return (this.#state >>> 0) % bound
  }
  of<Value>(values: readonly Value[]): Value { return values[this.below(values.length)]! }
}

const names = ['Content-Type', 'content-type', 'Content-Transfer-Encoding', 'Content-Disposition', 'Content-Language', 'Content-ID', 'From', 'To', 'Date', 'Subject', 'Received', 'X']
const types = ['multipart/mixed', 'multipart/digest', 'multipart/', 'message/rfc822', 'message/global', 'text/plain', 'text/html', 'text', 'message/partial', '/', 'image/png']
const boundaries = ['a', 'ab', 'abc', 'a b', '=', '-', '--', '', 'a'.repeat(80), ' ', "'", '%61']
const encodings = ['base64', 'quoted-printable', '7bit', '8bit', 'x-unknown', '']
const charsets = ['utf-8', 'utf-7', 'iso-2022-jp', 'gb18030', 'utf-16', 'x-none', '', 'shift_jis', 'big5']
const values = ['a@b', '<>', '"', '(', ')', '\\', '[', ';', ':', ',', '=?utf-8?Q?=C3=BC?=', '=?utf-8?B?4oI?=', '=?', '?=', 'name*0*=', "utf-8''%E4", 'name=', '1 Jan 2020', '10:00:00', '+0100', '\0', '\xff', '\xc3', ' ', '\t', '\r\n ', '\n\t', '\r']
const contents = ['text', '=C3=BC', '=', 'SGVsbG8', '+Jjo-', '\x1b$B$3', '\0', '\xe4', '-', '.', ' \t', '=\r\n', '\r', '\n', '\r\n', '\r\n\r\n', '\ufeff']

/** A mail of about `pieces` lines, made by what goes wrong in mails. */
const mailOf = (dice: Dice, pieces: number): Buffer => {
  const used: string[] = []
  let text = ''
  for (let i = 0; i < pieces; i++) {
    const eol = dice.below(10) === 0 ? dice.of(['\n', '\r', '']) : '\r\n'
    switch (dice.below(7)) {
      case 0: {
        const boundary = dice.of(boundaries)
        used.push(boundary)
        text += `${dice.of(names)}: ${dice.of(types)}; charset=${dice.of(charsets)}; boundary="${boundary}"${eol}`
        break
      }
      case 1: text += `Content-Transfer-Encoding: ${dice.of(encodings)}${eol}`; break
      case 2: text += `${dice.of(names)}:${Array.from({ length: dice.below(8) }, () => dice.of(values)).join('')}${eol}`; break
      case 3: text += eol; break
      case 4: text += `--${used.length > 0 ? dice.of(used) : 'a'}${dice.below(4) === 0 ? '--' : ''}${eol}`; break
      default: text += Array.from({ length: dice.below(10) }, () => dice.of(contents)).join('') + eol
    }
  }
  return Buffer.from(text, 'latin1')
}

const parseCut = (message: Buffer, dice: Dice): Summary => {
  const parser = new MessageParser()
  const most = dice.of([1, 10, 100, 10_000])
  for (let at = 0; at < message.length;) {
    const end = at + 1 + dice.below(most)
    parser.push(message.subarray(at, end))
    at = end
  }
  return parser.finish()
}

const checkTree = (part: MimePart): void => {
  const body = bodyRange(part)
  let end = body.start
  for (const child of part.parts ?? []) {
    if (child.headerOffset < end || bodyRange(child).end > body.end) throw new Error('a part lies outside of its parent')
    end = bodyRange(child).end
    checkTree(child)
  }
  if (part.parts?.length === 0 || part.bodyLines < 0 || part.headerSize < 0 || part.bodySize < 0) throw new Error('a part that cannot be')
  decodeParams([...part.params, ...part.disposition?.params ?? []])
}

const checkFields = (block: Uint8Array): void => {
  const fields = envelopeFields(block)
  for (const value of Object.values(fields)) {
    for (const address of parseAddressList(value)) if (address.host !== undefined && !address.mailbox) throw new Error('an address without mailbox')
    parseDate(value)
  }
}

/** Bytes with a few changed. */
const damaged = (bytes: Uint8Array, dice: Dice): Uint8Array => {
  const copy = new Uint8Array(bytes)
  for (let i = dice.below(4); i >= 0; i--) copy[dice.below(copy.length)] = dice.below(256)
  return copy.subarray(0, dice.below(3) === 0 ? dice.below(copy.length) : undefined)
}

const checkCodec = (summary: Summary, dice: Dice): void => {
  const bytes = encodeSummary(summary)
  if (!isDeepStrictEqual(decodeSummary(bytes), summary)) throw new Error('decode of encode is another summary')
  try {
    decodeSummary(damaged(bytes, dice))
  } catch (error) {
    if (!(error instanceof Bug)) throw error
  }
}

const checkSearch = (message: Buffer, summary: Summary): void => {
  const needles = [{ text: 'hello', where: 'TEXT' }, { text: '\u00fc', where: 'BODY' }, { text: 'never in there', where: 'TEXT' }] as const
  const whole = new TextSearch(summary, needles)
  whole.push(message)
  const cut = new TextSearch(summary, needles)
  for (let at = 0; at < message.length; at += 7) cut.push(message.subarray(at, at + 7))
  if (!isDeepStrictEqual(whole.finish(), cut.finish())) throw new Error('chunks change what a search finds')
  if (whole.finish()[2]) throw new Error('found what is not there')
}

/** One input. Throws if anything is wrong with it. */
const tryOne = (seed: number): number => {
  const dice = new Dice(seed)
  const raw = mailOf(dice, dice.of([3, 10, 30, 30, 100]))
  const message = dice.below(3) === 0 ? raw : Buffer.from(new LineEndings().push(raw))
  const parser = new MessageParser()
  parser.push(message)
  const summary = parser.finish()
  if (summary.size !== message.length) throw new Error('the size is wrong')
  if (!isDeepStrictEqual(parseCut(message, dice), summary)) throw new Error('chunks change the summary')
  checkTree(summary.root)
  checkFields(summary.header)
  checkCodec(summary, dice)
  checkSearch(message, summary)
  return message.length
}

/** Inputs that are evil by size: each names what it strains, and must be read in about the time of harmless bytes. */
const evil: [name: string, text: (bytes: number) => string][] = [
  ['one endless header field', (bytes) => `Subject: ${'x'.repeat(bytes)}`],
  ['endless folding', (bytes) => `To: ${'a,\r\n '.repeat(bytes / 5)}`],
  ['fields without number', (bytes) => 'X-A: b\r\n'.repeat(bytes / 8)],
  ['names without number', (bytes) => Array.from({ length: bytes / 16 }, (_, i) => `X-${i}: b\r\n`).join('')],
  ['parts without number', (bytes) => `Content-Type: multipart/mixed; boundary=b\r\n\r\n${'--b\r\n\r\n'.repeat(bytes / 7)}`],
  ['nesting without end', (bytes) => Array.from({ length: bytes / 64 }, (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n`).join('')],
  ['messages in messages', (bytes) => 'Content-Type: message/rfc822\r\n\r\n'.repeat(bytes / 32)],
  ['lines that are nearly boundaries', (bytes) =>
    `${Array.from({ length: 99 }, (_, i) => `Content-Type: multipart/mixed; boundary=${'b'.repeat(60)}${i}x\r\n\r\n--${'b'.repeat(60)}${i}x\r\n`).join('')}\r\n${`--${'b'.repeat(60)}\r\n`.repeat(bytes / 64)}`],
  ['short lines of dashes', (bytes) => `Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n${'--\r\n'.repeat(bytes / 4)}`],
  ['line feeds only', (bytes) => `\r\n${'\n'.repeat(bytes)}`],
]

/** Bytes of an evil input, and milliseconds and heap growth it may take: generous, since machines are shared. */
const evilBytes = 4 * 1024 * 1024
const evilMs = 4000
const evilHeap = 96 * 1024 * 1024

const tryEvil = (name: string, text: string): void => {
  const message = Buffer.from(text, 'latin1')
  const before = process.memoryUsage().heapUsed
  const started = performance.now()
  const parser = new MessageParser()
  for (let at = 0; at < message.length; at += 16_384) parser.push(message.subarray(at, at + 16_384))
  const summary = parser.finish()
  checkFields(summary.header)
  const encoded = encodeSummary(summary)
  const ms = performance.now() - started
  const heap = process.memoryUsage().heapUsed - before
  if (ms > evilMs) throw new Error(`${name}: took ${Math.round(ms)} ms`)
  if (heap > evilHeap) throw new Error(`${name}: the heap grew by ${Math.round(heap / 1024 / 1024)} MiB`)
  if (encoded.length > 2 * 1024 * 1024) throw new Error(`${name}: its summary has ${encoded.length} bytes`)
}

/** Runs `count` inputs from `seed` on and the evil ones; answers the bytes read. Throws an Error that names the seed. */
export const fuzz = (count: number, seed: number): number => {
  let bytes = 0
  for (let one = seed; one < seed + count; one++) {
    try {
      bytes += tryOne(one)
    } catch (error) {
      throw new Error(`input ${one}: ${(error as Error).message}`, { cause: error })
    }
  }
  for (const [name, text] of evil) tryEvil(name, text(evilBytes))
  return bytes
}

if (import.meta.main) {
  const [count = 20_000, seed = 1] = process.argv.slice(2).map(Number)
  const started = performance.now()
  const bytes = fuzz(count, seed)
  console.log(`${count} mails of ${bytes} bytes in ${Math.round(performance.now() - started)} ms: no fault`)
}
