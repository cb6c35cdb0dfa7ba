// Copies an object by reading and writing it, for stores whose own copying cannot be relied on (obox_disable_fast_copy). What is
// larger than memory should hold goes through a file in mail_temp_dir.

import type { Body, Files, ObjectStore, RequestContext } from '../../runtime/effects.ts'
import type { Limits } from '../../runtime/limits.ts'
import { concatBytes } from '../mail/byte-strings.ts'

/** Metadata goes along. Errors are the store's, and TempFail where the disk is full. */
export async function copyThrough(store: ObjectStore, files: Files, directory: string, limits: Limits, context: RequestContext, from: string, to: string): Promise<void> {
  const { body, metadata } = await store.read(from, context)
  let chunks: Uint8Array[] = []
  let inMemory = 0
  let spooled = 0
  let path: string | undefined
  const spool = async (): Promise<void> => {
    path ??= files.temporary(directory)
    await files.append(path, concatBytes(chunks))
    spooled += inMemory
    chunks = []
    inMemory = 0
  }
  try {
    for await (const chunk of body) {
      chunks.push(chunk)
      inMemory += chunk.length
      if (inMemory > limits.memoryBodyBytes) await spool()
    }
    const parts: Body['parts'] = path === undefined ? [] : [{ path, offset: 0, length: spooled }]
    if (inMemory > 0) parts.push(concatBytes(chunks))
    await store.write(to, { size: spooled + inMemory, parts }, context, { metadata })
  } finally {
    if (path !== undefined) await files.remove(path)
  }
}
