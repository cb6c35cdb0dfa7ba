// Objects of the index say in their metadata how many bytes they have: one whose body ends too early has not come whole, and is
// asked for again. What is as short the third time is damaged. (Their size in the store says nothing where they lie compressed.)

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
  if (come < bytes) throw new ShortBody(`${key} ended after ${come} of ${bytes} bytes`)
}

class ShortBody extends TempFail {}

const tries = 3

/** Reads an object again if it has not come whole. undefined: it does not. `again`: not for the first time. */
export async function untilWhole<T>(read: (again: boolean) => Promise<T>): Promise<T | undefined> {
  for (let attempt = 0; attempt < tries; attempt++) {
    try {
      return await read(attempt > 0)
    } catch (error) {
      if (!(error instanceof ShortBody)) throw error
    }
  }
  return undefined
}
