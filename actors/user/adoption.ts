// Takes over the mails that another server (Dovecot's obox) has put into the store: their names are GUIDs, and what a row needs
// stands in the objects' metadata, so that each costs a HEAD; some at a time. One whose size is not told there is read.
//
// What was asked for is noted in the mailbox's directory: an adoption that was cut off goes on where it was. Once the mailbox
// has its local files the notes are gone; once its bundle is up nothing is ever asked again.
//
// Order: as the mails were saved, then as POP3 had them. UIDs of the other server are in its own indexes, which are not read.

import { Buffer } from 'node:buffer'
import type { ObjectInfo, RequestContext } from '../../runtime/effects.ts'
import { crc32 } from '../../runtime/crc32.ts'
import { ObjectNotFound } from '../../runtime/errors.ts'
import { inParallel } from '../../runtime/parallel.ts'
import { MessageParser } from '../mail/message-parser.ts'
import type { MailboxIdentity, MailboxWorld } from './mailbox.ts'
import type { AppendedRow } from './mailbox-records.ts'
import { toCrlf } from './message-reader.ts'
import { isGuid, storableDate } from './object-names.ts'
import type { Pop3Facts } from './stored-name.ts'

export interface Foreign { oid: string; object: ObjectInfo }

type AdoptedRow = Omit<AppendedRow, 'uid'>

/** Mails whose facts are noted together. */
const notedTogether = 100

const notesPath = (directory: string): string => `${directory}/adopting`

/** The rows of all that are still there, without UIDs, in the order of saving. TempFail: the store is away; what was learned is noted. */
export async function adopt(world: MailboxWorld, identity: MailboxIdentity, context: RequestContext, found: readonly Foreign[]): Promise<AdoptedRow[]> {
  if (found.length === 0) return []
  const { effects: { files, emit }, limits, user } = world
  const known = readNotes(await files.read(notesPath(identity.directory)))
  const notes: AdoptedRow[] = []
  const write = async (): Promise<void> => {
    if (notes.length > 0) await files.append(notesPath(identity.directory), encodeNotes(notes.splice(0)))
  }
  emit({ level: 'info', name: 'obox.adopting', user, text: `${identity.name}: ${found.length} mails of another server are taken over, ${known.size} of them known already`, values: { mails: found.length } })
  try {
    const rows = await inParallel(found, limits.rebuildRequests, async (one) => {
      const row = known.get(one.oid) ?? await rowOf(world, identity, context, one)
      if (row !== undefined && !known.has(one.oid)) notes.push(row)
      if (notes.length >= notedTogether) await write()
      return row
    })
    return rows.filter((row) => row !== undefined).sort(bySaving)
  } finally {
    // A disk that does not take them is no reason to fail.
    await write().catch(() => {})
  }
}

/** The mails have rows in the mailbox's own files. */
export const adopted = ({ effects: { files } }: MailboxWorld, { directory }: MailboxIdentity): Promise<void> => files.remove(notesPath(directory))

const bySaving = (a: AdoptedRow, b: AdoptedRow): number =>
  a.saveDate - b.saveDate || (a.pop3?.order ?? Infinity) - (b.pop3?.order ?? Infinity) || (a.oid < b.oid ? -1 : 1)

/** undefined: it is not there any more. */
async function rowOf(world: MailboxWorld, identity: MailboxIdentity, context: RequestContext, { oid, object }: Foreign): Promise<AdoptedRow | undefined> {
  try {
    const { metadata, size: stored } = await world.obox.stat(context, identity.guid, oid)
    const modified = Math.trunc(object.modifiedMs / 1000)
    const { guid = '' } = metadata
    const pop3 = pop3Facts(metadata, world.limits.pop3UidlBytes)
    return {
      flags: 0, keywords: [], cacheOffset: 0, cacheLength: 0, oid,
      guid: isGuid(guid) ? guid : oid.slice(0, 32),
      size: (world.policy.distrustSizes ? undefined : number(metadata['size'])) ?? await sizeOf(world, identity, context, oid, stored),
      internalDate: storableDate(number(metadata['received']) ?? modified),
      saveDate: number(metadata['saved']) ?? modified,
      ...(pop3 === undefined ? {} : { pop3 }),
    }
  } catch (error) {
    if (error instanceof ObjectNotFound) return undefined
    throw error
  }
}

const number = (text: string | undefined): number | undefined => (text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined)

function pop3Facts(metadata: Record<string, string>, most: number): Pop3Facts | undefined {
  const uidl = metadata['pop3uidl'] ?? ''
  const order = number(metadata['pop3order'])
  const usable = uidl !== '' && Buffer.byteLength(uidl) <= most && !/[\r\n]/.test(uidl)
  if (!usable && order === undefined) return undefined
  return { ...(usable ? { uidl } : {}), ...(order === undefined ? {} : { order }) }
}

/** RFC822.SIZE of an object whose metadata does not say it, or is not believed; `stored`: as it lies. */
async function sizeOf(world: MailboxWorld, identity: MailboxIdentity, context: RequestContext, oid: string, stored: number): Promise<number> {
  const { effects, user, policy: { sizeMissing, distrustSizes } } = world
  if (sizeMissing === 'stat' && !distrustSizes) return stored
  if (sizeMissing === 'warn-read' && !distrustSizes) {
    effects.emit({ level: 'warning', name: 'obox.size_missing', user, text: `${identity.name}: the metadata of ${oid} does not say its size: it is read` })
  }
  const parser = new MessageParser()
  for await (const chunk of toCrlf((await world.obox.read(context, identity.guid, oid)).body)) parser.push(chunk)
  return parser.finish().size
}

/** A line for each: CRC-32 of the rest, and the row as JSON. */
const encodeNotes = (rows: readonly AdoptedRow[]): Uint8Array => Buffer.from(rows.map((row) => {
  const text = JSON.stringify(row)
  return `${crc32(Buffer.from(text)).toString(16)} ${text}\n`
}).join(''))

/** By oid; lines that are torn or rotten are passed over. */
function readNotes(bytes: Uint8Array | undefined): Map<string, AdoptedRow> {
  const rows = new Map<string, AdoptedRow>()
  for (const line of Buffer.from(bytes ?? []).toString('utf8').split('\n')) {
    const [, sum, text] = /^([0-9a-f]+) (\{.*\})$/.exec(line) ?? []
    if (text === undefined || crc32(Buffer.from(text)).toString(16) !== sum) continue
    const row = JSON.parse(text) as AdoptedRow
    rows.set(row.oid, row)
  }
  return rows
}
