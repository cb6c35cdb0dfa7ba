// What an LMTP command is, and what it may do with its connection. RFC 2033.

import type { Account } from '../../user/types.ts'
import type { MessageIntake } from '../message-intake.ts'
import type { SessionWorld } from '../types.ts'
import type { Path } from './path.ts'
import type { Relay } from './relay.ts'

export type Recipient = LocalRecipient | RelayedRecipient

/** One whose mail another server takes, under `address`. */
export interface RelayedRecipient { path: Path; relay: Relay; address: string }

export interface LocalRecipient {
  path: Path
  /** ORCPT, decoded: the address before aliases. */
  original?: string
  /** `+detail` of the address. */
  detail?: string
  account: Account
}

/** From MAIL to the last reply after DATA or BDAT LAST, or to RSET. */
export interface Transaction {
  from: Path
  recipients: Recipient[]
  /** The servers that have recipients of it. */
  relays: Map<string, Relay>
  /** What BDAT has brought so far. */
  intake?: MessageIntake
}

/** What a trusted proxy says of the client's own session, for the Received header. */
export interface Proxied {
  helo?: string
  /** SMTP, ESMTP or LMTP. */
  protocol?: string
}

/** The connection, as commands see it. */
export interface LmtpConnection {
  readonly world: SessionWorld
  /** The name given by LHLO; empty before. */
  helo: string
  proxied: Proxied
  transaction: Transaction | undefined
  /** Name of this host. */
  readonly hostname: string
  /** Sends the 220. */
  greet(): void
  /** Sends one line. */
  reply(line: string): void
  /** Gives the transaction up, with what it has received. */
  reset(): void
  /** What follows is message content, until CRLF.CRLF. */
  receiveData(transaction: Transaction): void
  /** The next `size` bytes are message content; `refusal`: they are thrown away, and then this is the reply. */
  receiveChunk(chunk: { size: number; last: boolean; transaction?: Transaction; refusal?: string }): void
  /** TLS begins behind what was written, and another session behind that. */
  startTls(): void
  /** Closes the connection after what was written; `reason` for the log. */
  close(reason: string): void
}

export interface LmtpCommand {
  /** Upper case. */
  name: string
  /** Reads and runs it; `text` is what followed the name and a blank. Throws Refusal. */
  run(text: string, connection: LmtpConnection): void | Promise<void>
}

/** Declares a command; each file of commands/ exports one. `parse` throws Refusal for what it cannot read. */
export const command = <Args>(declared: {
  name: string
  parse(text: string, connection: LmtpConnection): Args
  run(args: Args, connection: LmtpConnection): void | Promise<void>
}): LmtpCommand => ({
  name: declared.name,
  run: (text, connection) => declared.run(declared.parse(text, connection), connection),
})
