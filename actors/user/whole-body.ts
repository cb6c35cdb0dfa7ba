// Objects of the index say in their metadata how many bytes they have: one whose body ends too early has not come whole, and is
// asked for again; it is not damaged. (Their size in the store says nothing where they lie compressed.)

import type { Metadata, ObjectReader } from '../../runtime/effects.ts'
import { TempFail } from '../../runtime/errors.ts'

/** For the metadata of an object of so many bytes. */
export const bytesOf = (size: number): Metadata => ({ bytes: String(size) })

/** The reader, whose body throws TempFail at its end if that comes too early. */
export function wholeBody(key: string, reader: ObjectReader): ObjectReader {
  const bytes = Number(reader.metadata['bytes'] ?? 0) || 0
  return { ...reader, cancel: () => { reader.cancel() }, body: checked(key, bytes, reader.body) }
}

async function* checked(key: string, bytes: number, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let come = 0
  for await (const chunk of body) {
    come += chunk.length
    yield chunk
  }
  if (come < bytes) throw new TempFail(`${key} ended after ${come} of ${bytes} bytes`)
}
