// The selected mailbox of a session, and how its changes are told. RFC 3501 §7.2.6, §7.3, §7.4.

import type { MailboxHandle } from '../../user/types.ts'
import type { Selected } from './command.ts'
import { everySystemFlag, flags as flagList } from './encode.ts'
import { View } from './view.ts'
import type { SyncMode, ViewEvents } from './view.ts'

export class Selection implements Selected, ViewEvents {
  readonly view: View
  readonly readOnly: boolean
  readonly #handle: MailboxHandle
  readonly #send: (response: string) => void
  /** FETCH responses carry the UID: the client speaks in UIDs (RFC 3501 §6.4.8). */
  #withUid = false
  /** Why the mailbox is gone; the session ends. */
  goneBecause: string | undefined

  constructor(handle: MailboxHandle, readOnly: boolean, send: (response: string) => void) {
    this.#handle = handle
    this.#send = send
    this.readOnly = readOnly
    this.view = new View(handle.mailbox, { readOnly })
  }

  get mailbox() { return this.#handle.mailbox }

  /** Tells what has happened since the last time. */
  sync(mode: SyncMode, withUid: boolean): void {
    this.#withUid = withUid
    this.view.sync(mode, this)
  }

  close(): void {
    this.view.close()
    this.#handle.close()
  }

  /** FLAGS and PERMANENTFLAGS. Keywords can be made freely (`\*`). */
  keywords(): void {
    const { keywords } = this.mailbox
    this.#send(`FLAGS ${flagList(everySystemFlag, keywords)}`)
    if (this.readOnly) this.#send('OK [PERMANENTFLAGS ()] Read-only mailbox.')
    else this.#send(`OK [PERMANENTFLAGS ${flagList(everySystemFlag, [...keywords, '\\*'])}] Flags permitted.`)
  }

  expunge(seq: number): void { this.#send(`${seq} EXPUNGE`) }
  exists(count: number): void { this.#send(`${count} EXISTS`) }
  recent(count: number): void { this.#send(`${count} RECENT`) }

  flags(seq: number, uid: number, row: number, withUid = this.#withUid): void {
    const { messages, keywords } = this.mailbox
    const names = messages.keywordsOf(row).map((number) => keywords[number]!)
    const list = flagList(messages.flags[row]!, names, this.view.isRecent(uid))
    this.#send(withUid ? `${seq} FETCH (UID ${uid} FLAGS ${list})` : `${seq} FETCH (FLAGS ${list})`)
  }

  gone(reason: string): void { this.goneBecause = reason }
}
