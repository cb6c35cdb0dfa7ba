// The preview of a message, for PREVIEW and SNIPPET: as the message cache has it, or made from the beginning of a text part.

import type { Summary } from '../../../mail/types.ts'
import { previewOf, previewRange } from '../../../mail/preview.ts'
import { nstring, utf8 } from '../encode.ts'
import type { FetchedMessage } from './item.ts'

/** As nstring. `lazy`: NIL where it would cost a reading. */
export async function previewText(lazy: boolean, m: FetchedMessage, summary: Summary): Promise<string> {
  const text = summary.preview ?? (lazy ? undefined : await read(m, summary))
  return nstring(text === undefined ? undefined : utf8(text))
}

/** Of a message without text: ''. */
async function read(m: FetchedMessage, summary: Summary): Promise<string> {
  const range = previewRange(summary)
  if (range === undefined) return ''
  const pieces: Uint8Array[] = []
  for await (const piece of m.read(range.start, range.end)) pieces.push(piece)
  return previewOf(summary, pieces)
}
