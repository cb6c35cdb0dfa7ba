// Object keys: '/'-separated UTF-8, ordered by bytes as S3 orders them, and the page of a listing.

import { Buffer } from 'node:buffer'
import type { ByteRange, ListOptions, ListPage, ObjectInfo } from '../../runtime/effects.ts'
import { Bug, LimitExceeded, ObjectNotFound } from '../../runtime/errors.ts'
import { limits } from '../../runtime/limits.ts'

/** Throws Bug for a key that not every store can hold, LimitExceeded for one that is too long. */
export const checkKey = (key: string): void => {
  if (key === '' || key.startsWith('/') || key.endsWith('/') || key.includes('//') || key.includes('\0') || !key.isWellFormed()) {
    throw new Bug(`not an object key: ${JSON.stringify(key)}`)
  }
  if (/(?:^|\/)\.\.?(?:\/|$)/.test(key)) throw new Bug(`not an object key: ${JSON.stringify(key)}`)
  if (key.length > limits.objectKeyBytes || Buffer.byteLength(key) > limits.objectKeyBytes) {
    throw new LimitExceeded('objectKeyBytes', `an object key longer than ${limits.objectKeyBytes} bytes`)
  }
}

/** Order of the UTF-8 bytes. UTF-16 units give the same order except that surrogates must come after U+E000–U+FFFF. */
export const compareKeys = (a: string, b: string): number => {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return rank(x) - rank(y)
  }
  return a.length - b.length
}
const rank = (unit: number): number => (unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit)

/** The range within an object of `size` bytes, clipped at its end; undefined for the whole. ObjectNotFound where it begins behind the end. */
export const clipRange = (key: string, size: number, range: ByteRange | undefined): { start: number; end: number } => {
  if (!range || isWhole(range)) return { start: 0, end: size }
  checkRange(range)
  if (range.start >= size) throw new ObjectNotFound(`${key} (bytes from ${range.start}, it has ${size})`)
  return { start: range.start, end: Math.min(range.end ?? size, size) }
}

/** Whether a range is only a longer way to say "everything". */
export const isWhole = (range: ByteRange): boolean => range.start === 0 && range.end === undefined

/** Throws Bug for a range that names no byte. */
export const checkRange = (range: ByteRange): void => {
  if (!(range.start >= 0) || (range.end !== undefined && range.end <= range.start)) throw new Bug(`not a range: ${range.start}–${range.end}`)
}

/** Entries a page may have. */
export const pageLimit = (options: ListOptions): number => Math.min(options.limit ?? limits.listPage, limits.listPage)

/** Whether `key` was on an earlier page. With a delimiter, `after` may be a common prefix: then all beneath it was. */
export const isBefore = (key: string, { after, delimiter }: ListOptions): boolean =>
  after !== undefined && (compareKeys(key, after) <= 0 || (!!delimiter && after.endsWith(delimiter) && key.startsWith(after)))

/**
 * Makes a page of keys that come in order, all with `prefix`, none of an earlier page. `info` answers undefined for an
 * object that has vanished meanwhile. A key that ends in the delimiter stands for all beneath it.
 */
export const pageOf = async (
  keys: AsyncIterable<string> | Iterable<string>, prefix: string, options: ListOptions,
  info: (key: string) => Promise<ObjectInfo | undefined> | ObjectInfo | undefined,
): Promise<ListPage> => {
  const page: ListPage = { objects: [], prefixes: [] }
  const most = pageLimit(options)
  let last = ''
  for await (const key of keys) {
    const cut = options.delimiter ? key.indexOf(options.delimiter, prefix.length) : -1
    const entry = cut < 0 ? key : key.slice(0, cut + options.delimiter!.length)
    if (entry === last) continue
    if (page.objects.length + page.prefixes.length >= most) return { ...page, next: last }
    if (cut < 0) {
      const found = await info(key)
      if (!found) continue
      page.objects.push(found)
    } else {
      page.prefixes.push(entry)
    }
    last = entry
  }
  return page
}
