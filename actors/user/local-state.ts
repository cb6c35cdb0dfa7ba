// The local files of one thing that has a snapshot and a journal: the root, or a mailbox. Reads them, cuts torn tails, sets
// damaged ones aside. A damaged file is never a failed login: the caller goes on as if the files were lost.
//
// Files in the directory: `snapshot` (absent at first), `journal`; damaged ones become `….broken-<time>`.

import type { Effects } from '../../runtime/effects.ts'
import { Bug } from '../../runtime/errors.ts'
import { decodeJournal, decodeJournalHeader, encodeJournalHeader, journalHeaderBytes } from './journal.ts'
import type { JournalStart } from './journal.ts'

/** What is kept, and how it is read and written. */
export interface Kept<State> {
  readonly user: string
  /** For log lines. */
  readonly what: string
  readonly directory: string
  /** 32 hex digits. */
  readonly identity: string
  /** The state before the first snapshot. */
  empty(): State
  decode(snapshot: Uint8Array): { state: State; generation: number } | undefined
  encode(state: State, generation: number): Uint8Array
  /** The journal was at least so long once. */
  readonly least?: { readonly generation: number; readonly size: number } | undefined
  /** Applies one record. Answers how many rows it names. RangeError, SyntaxError or Bug: it cannot be read. */
  replay(state: State, record: Uint8Array): number
}

export interface Local<State> {
  state: State
  journal: JournalStart
  /** The journal had a torn tail: by a crash within its last append, or by damage to its last record, which may have been told. */
  torn: boolean
}

interface Replayed<State> { state: State; generation: number; end: number; rows: number; voidJournal: boolean; torn: boolean }

const snapshotPath = (directory: string): string => `${directory}/snapshot`
const journalPath = (directory: string): string => `${directory}/journal`

/** What the files say; undefined where there are none, or none usable. TempFail if the disk does not answer. */
export async function readLocal<State>(effects: Effects, kept: Kept<State>): Promise<Local<State> | undefined> {
  const { files, emit } = effects
  const { directory, identity, user, what } = kept
  const [snapshot, journal] = await Promise.all([files.read(snapshotPath(directory)), files.read(journalPath(directory))])
  if (snapshot === undefined && journal === undefined) return undefined
  const found = replayed(kept, snapshot, journal)
  if (typeof found === 'string') {
    await setAside(effects, kept, found)
    return undefined
  }
  const { state, generation, end, rows, voidJournal, torn } = found
  if (voidJournal) {
    await files.replace(journalPath(directory), encodeJournalHeader(identity, generation))
  } else if (torn) {
    // The next append cuts it: until then whoever has to know of it finds it.
    emit({ level: 'warning', name: 'user.journal_cut', user, text: `Journal of ${what} has a torn tail; cut at ${end} of ${journal!.length} bytes` })
  }
  return { state, journal: { ...journalStart(kept, generation, end, snapshot?.length ?? 0), rows, ragged: torn }, torn }
}

/** Whoever reads the files next finds none. `why`: for the log. */
export async function setAside({ files, clock, emit }: Effects, { directory, user, what }: Kept<unknown>, why: string): Promise<void> {
  emit({ level: 'error', name: 'user.state_damaged', user, text: `Local state of ${what} is set aside and rebuilt: ${why}` })
  const suffix = `.broken-${Math.trunc(clock.now() / 1000)}`
  for (const path of [snapshotPath(directory), journalPath(directory)]) if (await files.stat(path) !== undefined) await files.rename(path, path + suffix)
}

/**
 * Begins anew with `state` as the first snapshot. With only that written, a journal that was there before is void: it tells of another
 * state, and must never be applied to this one. Without one, it is done again next time.
 */
export async function writeLocal<State>(effects: Effects, kept: Kept<State>, state: State, durable: boolean): Promise<Local<State>> {
  const { files } = effects
  const generation = 1 + ((await journalMark(effects, kept.directory))?.generation ?? 0)
  const snapshot = kept.encode(state, generation)
  await files.replace(snapshotPath(kept.directory), snapshot, durable)
  await files.replace(journalPath(kept.directory), encodeJournalHeader(kept.identity, generation), durable)
  return { state, journal: journalStart(kept, generation, journalHeaderBytes, snapshot.length), torn: false }
}

/** The files of something that is known to be new and empty. */
export const createLocal = ({ files }: Effects, directory: string, identity: string): Promise<void> =>
  files.replace(journalPath(directory), encodeJournalHeader(identity, 0))

/** Where the journal of something new and empty ends. */
export const newMark = { generation: 0, size: journalHeaderBytes }

/** Where a journal ends, without reading it; undefined if there is none. */
export async function journalMark({ files }: Effects, directory: string): Promise<{ generation: number; size: number } | undefined> {
  const [stat, head] = await Promise.all([files.stat(journalPath(directory)), files.read(journalPath(directory), 0, journalHeaderBytes)])
  const header = head && decodeJournalHeader(head)
  return stat && header ? { generation: header.generation, size: stat.size } : undefined
}

/** A text says what is damaged. */
function replayed<State>(kept: Kept<State>, snapshotBytes: Uint8Array | undefined, journalBytes: Uint8Array | undefined): Replayed<State> | string {
  const snapshot = snapshotBytes && kept.decode(snapshotBytes)
  if (snapshotBytes !== undefined && snapshot === undefined) return 'snapshot is damaged'
  const journal = journalBytes && decodeJournal(journalBytes)
  if (journal === undefined) return journalBytes === undefined ? 'journal is missing' : 'journal has no valid header'
  if (journal.identity !== kept.identity) return `journal belongs to ${journal.identity}`
  const generation = snapshot?.generation ?? 0
  if (journal.damaged) return `journal is damaged at byte ${journal.end} of ${journalBytes!.length}`
  const { least } = kept
  if (least !== undefined && (least.generation > journal.generation || (least.generation === journal.generation && least.size > journalBytes!.length))) {
    return `journal is shorter than it was: ${journalBytes!.length} bytes of generation ${journal.generation}, after ${least.size} of ${least.generation}`
  }
  if (journal.generation > generation) return `snapshot is older (${generation}) than the journal (${journal.generation})`
  const state = snapshot?.state ?? kept.empty()
  // A crash between the two steps of a new generation: the snapshot has all of this journal.
  if (journal.generation < generation) return { state, generation, end: journalHeaderBytes, rows: 0, voidJournal: true, torn: false }
  let rows = 0
  try {
    for (const record of journal.records) rows += kept.replay(state, record)
  } catch (error) {
    if (error instanceof RangeError || error instanceof SyntaxError || error instanceof Bug) return `journal cannot be read: ${error.message}`
    throw error
  }
  return { state, generation, end: journal.end, rows, voidJournal: false, torn: journal.torn }
}

const journalStart = ({ directory, identity }: Kept<unknown>, generation: number, size: number, snapshotSize: number): JournalStart =>
  ({ path: journalPath(directory), snapshotPath: snapshotPath(directory), identity, generation, size, snapshotSize })
