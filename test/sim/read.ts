// Reading a mail as a client does, and comparing what comes with what it must be.

import { Buffer } from 'node:buffer'
import type { Mailbox } from '../../actors/user/types.ts'
import { identify, internalDateOf, mail } from './content.ts'
import type { Life } from './life.ts'
import { promised } from './violation.ts'

/** Reads mail and summary, compares every byte, and answers which mail it is. Throws what the engine throws. */
export async function readMail(life: Life, who: string, mailbox: Mailbox, uid: number): Promise<number> {
  const context = life.context(who, 'imap:fetch_body')
  const chunks: Uint8Array[] = []
  for await (const chunk of await mailbox.read(context, uid)) chunks.push(chunk)
  const bytes = Buffer.concat(chunks)
  const id = identify(bytes)
  promised(id !== undefined, () => `${mailbox.name}: UID ${uid} reads as none of our mails: ${bytes.length} bytes: ${bytes.subarray(0, 300).toString('latin1')}`)
  compareRow(mailbox, uid, id)
  await comparePart(life, who, mailbox, uid, bytes)
  const expected = mail(id).summary
  const { size, root, header } = await mailbox.summary(context, uid)
  promised(size === expected.size && root.headerSize === expected.root.headerSize && root.bodySize === expected.root.bodySize && root.bodyLines === expected.root.bodyLines
    && Buffer.compare(header, expected.header) === 0, () => `${mailbox.name}: the summary of UID ${uid} is not that of mail ${id}: ${JSON.stringify({ size, root })}`)
  return id
}

function compareRow({ name, messages }: Mailbox, uid: number, id: number): void {
  const row = messages.rowOf(uid)
  if (row < 0) return
  const size = mail(id).bytes.length
  promised(messages.sizes[row] === size, () => `${name}: UID ${uid} has size ${messages.sizes[row]}, its mail ${id} has ${size}`)
  const date = internalDateOf(id)
  promised(date === undefined || messages.internalDates[row] === date, () => `${name}: UID ${uid} has INTERNALDATE ${messages.internalDates[row]}, its mail ${id} has ${date}`)
}

async function comparePart(life: Life, who: string, mailbox: Mailbox, uid: number, whole: Uint8Array): Promise<void> {
  const start = whole.length >> 2
  const end = whole.length >> 1
  const chunks: Uint8Array[] = []
  for await (const chunk of await mailbox.read(life.context(who, 'imap:fetch_body'), uid, { start, end })) chunks.push(chunk)
  promised(Buffer.compare(Buffer.concat(chunks), whole.subarray(start, end)) === 0, () => `${mailbox.name}: bytes ${start} to ${end} of UID ${uid} are not what they are in the whole`)
}
