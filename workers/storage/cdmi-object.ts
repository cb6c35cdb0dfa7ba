// A CDMI data object as JSON (CDMI 1.0.2 §8.2, §8.4): its metadata, and its value in base64, streamed both ways.

import { Buffer } from 'node:buffer'
import type { Body, Metadata, ObjectStat } from '../../runtime/effects.ts'
import { Bug } from '../../runtime/errors.ts'
import { limits } from '../../runtime/limits.ts'
import { bodyChunks } from './body.ts'
import { HttpFailure } from './http.ts'
import type { Answer } from './http.ts'

/** User metadata: what stands in x-amz-meta-dovecot-<key> on S3 has the key dovecot-<key> here. */
const prefix = 'dovecot-'
/** CDMI has no ETag: each write marks the object with one. */
const etagKey = 'culver-etag'

/** The `metadata` of an object to be written. */
export const metadataOf = (metadata: Metadata, etag: string): Record<string, string> => ({
  ...Object.fromEntries(Object.entries(metadata).map(([key, value]) => {
    if (!/^[a-z0-9-]+$/.test(key)) throw new Bug(`not a metadata key: ${key}`)
    return [prefix + key, value.toWellFormed()]
  })),
  [etagKey]: etag,
})

/** What is sent to write an object with its metadata in one request. */
export const uploadOf = (body: Body, metadata: Record<string, string>): { size: number; chunks(): AsyncIterable<Uint8Array> } => {
  const head = Buffer.from(`{"mimetype":"application/octet-stream","metadata":${JSON.stringify(metadata)},"valuetransferencoding":"base64","value":"`)
  const tail = Buffer.from('"}')
  return {
    size: head.length + Math.ceil(body.size / 3) * 4 + tail.length,
    async *chunks() {
      yield head
      let rest: Uint8Array = new Uint8Array()
      for await (const chunk of bodyChunks(body)) {
        const all = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
        const whole = all.length - all.length % 3
        // A copy: the chunk's memory may be the caller's next one.
        rest = all.slice(whole)
        yield Buffer.from(base64(all.subarray(0, whole)), 'latin1')
      }
      yield Buffer.concat([Buffer.from(base64(rest), 'latin1'), tail])
    },
  }
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')

/** What the fields of an object's JSON say of it; undefined where its size is not told. */
export const statOfJson = (object: unknown): ObjectStat | undefined => {
  const { metadata = {}, valuerange, objectID = '' } = object as { metadata?: Record<string, unknown>; valuerange?: unknown; objectID?: unknown }
  const told = metadata.cdmi_size ?? (typeof valuerange === 'string' ? Number(/^\d+-(\d+)$/.exec(valuerange)?.[1]) + 1 : undefined)
  const size = Number(told)
  if (told === undefined || !Number.isSafeInteger(size)) return undefined
  const modified = String(metadata.cdmi_mtime ?? '')
  const own = Object.entries(metadata).filter((entry): entry is [string, string] => entry[0].startsWith(prefix) && typeof entry[1] === 'string')
  return {
    size, modifiedMs: Date.parse(modified) || 0,
    etag: typeof metadata[etagKey] === 'string' ? metadata[etagKey] : `${String(objectID)}-${modified}-${size}`,
    metadata: Object.fromEntries(own.map(([key, value]) => [key.slice(prefix.length), value])),
  }
}

/** The JSON object of a text; undefined where it is none. */
export const jsonOf = (text: string): Record<string, unknown> | undefined => {
  try {
    const parsed = JSON.parse(text) as unknown
    return typeof parsed === 'object' && parsed !== null ? parsed as Record<string, unknown> : undefined
  } catch {
    return undefined
  }
}

const valueField = /"value"\s*:\s*"/

/**
 * Takes the answer to a GET of a whole object apart: what is said of it, and its value, decoded as it comes. undefined
 * where it does not end in a base64 value, as the specification has it; the answer is then given up.
 */
export const openValue = async (answer: Answer): Promise<{ stat: ObjectStat; chunks: AsyncGenerator<Uint8Array> } | undefined> => {
  const incoming = answer.chunks()
  let head = Buffer.alloc(0)
  while (head.length < limits.httpErrorBytes) {
    const { done, value } = await incoming.next()
    if (done) break
    head = Buffer.concat([head, value])
    const text = head.toString('latin1')
    const match = valueField.exec(text)
    if (!match) continue
    const end = match.index + match[0].length
    const object = jsonOf(`${head.toString('utf8', 0, end)}"}`)
    const stat = object?.valuetransferencoding === 'base64' ? statOfJson(object) : undefined
    if (!stat) break
    return { stat, chunks: decoded(head.subarray(end), incoming, stat.size) }
  }
  answer.discard()
  return undefined
}

async function* decoded(first: Uint8Array, incoming: AsyncGenerator<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  let rest = ''
  let got = 0
  let ended = false
  const take = (bytes: Uint8Array): Uint8Array => {
    const quote = bytes.indexOf(0x22)
    ended = quote >= 0
    // Some writers of JSON escape the slashes of base64.
    const text = rest + Buffer.from(ended ? bytes.subarray(0, quote) : bytes).toString('latin1').replaceAll('\\', '')
    const whole = ended ? text.length : text.length - text.length % 4
    rest = text.slice(whole)
    const piece = Buffer.from(text.slice(0, whole), 'base64')
    got += piece.length
    return piece
  }
  try {
    const piece = take(first)
    if (piece.length > 0) yield piece
    while (!ended) {
      const { done, value } = await incoming.next()
      if (done) break
      const next = take(value)
      if (next.length > 0) yield next
    }
    if (got !== size) throw new HttpFailure(`${got} bytes came of ${size}`, false)
    // What follows the value is a brace; a connection that is read to its end is kept.
    while (!(await incoming.next()).done);
  } finally {
    await incoming.return(undefined)
  }
}
