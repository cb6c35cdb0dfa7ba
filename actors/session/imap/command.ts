// What an IMAP command is: one value in one file of commands/. Its declaration is all that the rest of the machine knows
// of it: CAPABILITY, the state check, what may be told to the client before its tagged reply, and the log line follow.
//
// Rules
// - Commands of one connection run strictly one after another, in the order received (RFC 3501 §5.5 allows it always).
// - `parse` is pure: bytes → arguments. `run` does the work and answers with `ok(…)`, or throws `No` or `Bad`; MailError,
//   TempFail and LimitExceeded may pass through, they are translated in one place (result.ts).
// - A command never sends EXISTS, EXPUNGE, RECENT or a flag change it did not ask for: the machine tells those from the view,
//   by the flags below.

import type { Cancel, Effects } from '../../../runtime/effects.ts'
import type { Settings } from '../../../conf/settings.ts'
import type { AuthAnswer, ScramProof } from '../../auth-messages.ts'
import type { Mailbox, ReadContext, User } from '../../user/types.ts'
import type { SessionWorld } from '../types.ts'
import type { SessionSeed } from '../seed.ts'
import type { LiteralHead, Parser } from './grammar.ts'
import type { Ok } from './result.ts'
import type { NotifyArguments } from './notify/arguments.ts'
import type { Notifier } from './notify/notifier.ts'
import type { LiveSearch } from './search/live-search.ts'
import type { Due } from './unasked.ts'
import type { View } from './view.ts'
import type { Attempts } from '../login-log.ts'

export { Bad, No, ok } from './result.ts'

// What a command does to sequence numbers, as in Dovecot's command table.

/** Its arguments hold sequence numbers (not in the UID form): no EXPUNGE may be told before its tagged reply. RFC 3501 §7.4.1. */
export const UsesSequences = 1
/** EXPUNGE may be told before its tagged reply. The UID form of a command that UsesSequences has this instead. */
export const BreaksSequences = 2
/** It changes which mailbox is selected: nothing more is told before its tagged reply. */
export const BreaksMailbox = 4
/** It asks about the mailbox as it is now: changes that break no numbers are told before it runs. */
export const RequiresSync = 8
/** It begins before its last byte is here and reads the rest of its input itself (IDLE, AUTHENTICATE, a message's literal). */
export const WaitsForPipeline = 16
/** The client asks for news with it, or has itself made them: with the workaround delay-newmail they are told to no other command. */
export const ExpectsNews = 32

/** `authenticated` includes `selected`; `any` is every state. RFC 3501 §3. */
export type State = 'any' | 'notauthenticated' | 'authenticated' | 'selected'

export interface Command<Arguments> {
  /** As the client says it, upper case. */
  readonly name: string
  /** It exists as `UID <name>` too; `only`: as that alone. */
  readonly uid?: boolean | 'only'
  /** What CAPABILITY shows because of this command. Before login: those of commands of the states `any` and `notauthenticated`. */
  readonly capability?: string | readonly string[]
  /** Where a setting decides, or the connection: false, and the command is unknown. */
  offered?(settings: Settings, seed: SessionSeed): boolean
  readonly states: readonly State[]
  /** The bits above. */
  readonly flags: number
  /** The arguments as they may be logged: no passwords, no message text. */
  log?(args: Arguments): string
  /** From behind the command's name to the end of the line (the machine checks that nothing is left). Throws ParseError. `uid`: said as `UID …`. */
  parse(p: Parser, uid: boolean): Arguments
  run(args: Arguments, s: ImapSession): Promise<Ok> | Ok
}

/** Any command: its arguments are known to itself alone. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyCommand = Command<any>

/** Declares a command; infers the type of its arguments. */
export function command<Arguments>(declaration: Command<Arguments>): Command<Arguments> {
  return declaration
}

/** The mailbox a session has open. */
export interface Selected {
  /** The mailbox's; asleep, too. */
  readonly guid: string
  readonly mailbox: Mailbox
  readonly view: View
  /** EXAMINE. */
  readonly readOnly: boolean
  /** Searches that go on, by their tags. RFC 5267. */
  readonly searches: Map<string, LiveSearch>
  /** Settles when they have decided about what has been told; undefined: they have. */
  readonly deciding: Promise<unknown> | undefined
  /** Calls `listener` when there may be something to tell, asleep or not. One at a time. */
  listen(listener: () => void): Cancel
  /** Tells FLAGS, if there are keywords that the client has not heard of: before FETCH responses that may have them. */
  keywords(): void
  /** `n FETCH (FLAGS …)` of one message, its MODSEQ too where CONDSTORE is on; `withUid`: and its UID. After `keywords`. */
  flagsOf(seq: number, uid: number, row: number, withUid: boolean): string
  /** `n FETCH (MODSEQ (…))`: for one who knows the flags. */
  modseqOf(seq: number, uid: number, row: number, withUid: boolean): string
}

/** The command that is running. */
export interface Running {
  readonly tag: string
  readonly name: string
  /** Said as `UID …`: numbers are UIDs, and FETCH responses carry them. */
  readonly uid: boolean
}

/** What a client has shown for a login, by LOGIN or AUTHENTICATE. */
export interface Credentials {
  readonly mechanism: string
  readonly username: string
  readonly password: string
  readonly authzid?: string
  readonly proof?: ScramProof
  /** Tells the client what auth has answered, before anything comes of it. */
  readonly conclude?: (answer: AuthAnswer) => Promise<void>
}

/** What the session has done, for imap_logout_format: `%{deleted}` … */
export interface Counters {
  deleted: number; expunged: number; trashed: number; appended: number
  fetch_hdr_count: number; fetch_hdr_bytes: number; fetch_body_count: number; fetch_body_bytes: number
}

/** As imap_client_workarounds names them. */
export type Workaround = Settings['imap_client_workarounds'][number]

/** A session as a running command sees it. */
export interface ImapSession {
  readonly world: SessionWorld
  readonly effects: Effects
  readonly settings: Settings
  /** Only after login: throws Bug before. */
  readonly user: User
  readonly authenticated: boolean
  /** The client has said ID. */
  identified: boolean
  /** What it has said, names of fields in lower case: a client that is known has its workarounds from here on. */
  identify(said: ReadonlyMap<string, string | undefined>): void
  /** Whether this client is to have a workaround, by imap_client_workarounds or because it is known to need it. */
  needs(workaround: Workaround): boolean
  /** Only with a selected mailbox (state `selected`): throws Bug without one. */
  readonly selected: Selected
  readonly hasSelected: boolean
  readonly running: Running
  /** What ENABLE has switched on, upper case. */
  readonly enabled: ReadonlySet<string>
  readonly counters: Counters

  /** One untagged response, without `* ` and CRLF. A string is Latin-1: make text with encode.ts. */
  send(response: string): void
  /** Raw bytes: a piece of an untagged response too long for `send`, or a continuation (`+ …` CRLF). */
  write(piece: string | Uint8Array): void
  /** Await it between pieces: it waits only where the client is slow (limits.wireHighBytes). Cancelled when the client is gone. */
  flush(): Promise<void> | undefined
  /** For requests on behalf of this command: its cost is shown in the tagged reply. `reason` e.g. `imap:fetch_body`. */
  context(reason: string): ReadContext
  /** Runs `action` in a later turn unless the session has ended before; its failure is the session's. */
  soon(action: () => void): Cancel

  /** Opens a mailbox; none may be selected. */
  select(name: string, readOnly: boolean): Promise<Selected>
  /** Closes the selected mailbox, if any; tells nothing. */
  unselect(): void
  /** Switches an extension on for the rest of the connection: by ENABLE, or because the client uses it (CONDSTORE: RFC 7162 §3.1). */
  enable(extension: string): void
  /**
   * What is to be told without being asked, from now on (RFC 5465). Where it is more than nothing, what has happened in the selected
   * mailbox up to now is told first.
   */
  notify(args: NotifyArguments): Notifier
  /** The session has said NOTIFY: what happens is told by that. */
  readonly notified: boolean
  /** FETCH responses nobody asked for are being written: nothing else may be, until then. */
  readonly speaking: Promise<void> | undefined
  /** Begins to tell what searches that go on, and `more`, have to tell of new messages: `speaking` until it is done. False: nothing. */
  speak(more?: readonly Due[]): boolean
  /** Tells now what has happened in the selected mailbox, as far as this command's flags let it. */
  sync(): void
  /** FLAGS and PERMANENTFLAGS of the selected mailbox as they are now. */
  sendFlags(): void
  /** Like `sync` in the middle of a command: up to which modseq the client knows everything is told at its end only. */
  syncQuietly(): void
  /** The modseq up to which the client has been told everything: for the tagged reply, which tells it. */
  takeModseq(): number

  /** Only before login. No: refused. Cancelled: the session goes on elsewhere. */
  /** To log in, as long as none has succeeded. */
  attempts: Attempts | undefined
  login(credentials: Credentials): Promise<Ok>
  /** The connection is closed after this command's tagged reply. */
  logout(): void
  /** Behind this command's tagged reply the client is a stranger again, on the same connection: another session goes on with it. */
  unauthenticate(): void
  /** TLS begins behind this command's tagged reply, and then another session. */
  startTls(): void
  /** Both directions are compressed behind this command's tagged reply. */
  compress(): void
  /** The session was silent for long, and its mailbox has been put away: `wake` before `selected` is asked anything. While no command runs, and in IDLE. */
  readonly asleep: boolean
  wake(): Promise<void>
  /** The connection ends at once, in the middle of a response: nothing more is written. For a literal that cannot be completed. */
  abort(): never
  /** What CAPABILITY shows now. */
  capability(): string

  /** Commands that WaitForPipeline only. The next line of the client without CRLF; Cancelled when it is gone. */
  nextLine(): Promise<Uint8Array>
  /**
   * The bytes of a message's literal, in pieces; asks for them first where the client waits for that. What a command leaves
   * unread is swallowed after it.
   */
  literal(head: LiteralHead): AsyncIterable<Uint8Array>
  /**
   * What stands behind a literal that has been read: up to the next message's literal (`parse` comes to its end), or to the
   * end of the command. Throws Bad, and No where a literal is too large.
   */
  behindLiteral<T>(parse: (p: Parser) => T): Promise<T>
}
