// What sessions may ask of a user, and what they hear back. A user actor lives on one thread together with all sessions
// of that user: these are function calls. The user actor is the only writer of everything the user owns.
//
// Names are visible names: Unicode, with namespace prefix and separator as the client sees them (`INBOX.Sent`);
// "INBOX" in any letter case is the inbox. UIDs, not sequence numbers: numbering is the session's view's business.
//
// Every method that may do object I/O takes a RequestContext first. Errors: MailError (refused, nothing changed),
// TempFail (the store or disk is away; nothing acknowledged), LimitExceeded, Cancelled.

import type { Body, ByteRange, Cancel, RequestContext } from '../../runtime/effects.ts'
import type { Summary, SummaryHead } from '../mail/types.ts'

/** A user as auth found it (userdb fields, expanded): the key and the settings of a user actor. Structured-clonable. */
export interface Account {
  /** Normalised name (after auth_username_format and passdb's user=). The only identity used anywhere. */
  user: string
  /** Local state directory: mail_home, or userdb's `home`. */
  home: string
  /** userdb fields that override settings: mail, quota_rule, … */
  fields: Record<string, string>
}

/** System flags as bits of a byte. \Recent belongs to views and is never stored. RFC 3501 §2.3.2. */
export const Flag = { Seen: 1, Answered: 2, Flagged: 4, Deleted: 8, Draft: 16 } as const

/** Flags as a client names them: system bits, and keywords in the client's spelling. */
export interface FlagSet { system: number; keywords: string[] }

/** A message on its way in. `summary` was parsed while it arrived. */
export interface Draft {
  body: Body
  summary: Summary
  flags: FlagSet
  /** INTERNALDATE, seconds since 1970; absent: now. */
  internalDate?: number
}

/** \Marked etc. are the session's; these are facts. RFC 3501 §7.2.2, RFC 6154. */
export interface MailboxInfo {
  name: string
  /** The separator of its namespace. */
  separator: string
  /** Absent: only the parent of others (\NonExistent, shown \Noselect). */
  guid?: string
  /** Created as a name only, or its mails deleted while it has children. */
  noSelect: boolean
  hasChildren: boolean
  subscribed: boolean
  /** e.g. `\Sent`. */
  specialUse: string[]
}

export interface NamespaceInfo {
  type: 'private' | 'shared' | 'public'
  prefix: string
  separator: string
  /** `list = no | children`, `hidden = yes`: whether LIST and NAMESPACE show it. */
  list: boolean
  hidden: boolean
  inbox: boolean
}

export interface MailboxStatus {
  messages: number; recent: number; uidNext: number; uidValidity: number; unseen: number
  highestModseq: number
  /** Sum of RFC822.SIZE, bytes (STATUS=SIZE). */
  size: number
  deleted: number
  /** Bytes of those that are \Deleted (RFC 9208 §4.1.4). */
  deletedSize: number
  guid: string
}

/** UIDPLUS's COPYUID: the n-th source became the n-th destination. RFC 4315. */
export interface CopyResult { uidValidity: number; sourceUids: number[]; uids: number[] }

export interface AppendResult { uidValidity: number; uids: number[] }

/** Result of a delivery: where it went, for the log line and the LMTP reply. */
export interface DeliveryResult { mailbox: string; uidValidity: number; uid: number }

/** A message from an MTA for this user; headers (Return-Path …) are already in front of the draft's body. */
export interface Delivery {
  draft: Draft
  from: string
  to: string
  /** `+detail` of the recipient's address, if the recipient_delimiter was in it. */
  detail?: string
  session: string
}

/** Messages to the address `user:<name>`: what arrives from sessions on other threads. */
export type UserMessage =
  | { kind: 'deliver'; account: Account; delivery: Delivery }
  /** Uploads what the store lacks: a FlushAnswer. */
  | { kind: 'flush'; account: Account }
  /**
   * Compares everything, or mailboxes that match a mask, with the store (verify.ts), and mends what differs if it may: a Verification.
   * `take`: also where another backend has the user; else that is answered ('elsewhere').
   */
  | { kind: 'verify'; account: Account; fix: boolean; mask?: string; take?: boolean }

/** Of a user who has nothing here: 'nothing'. 'left': another backend has it, and what only the files here had. */
export type FlushAnswer = undefined | 'nothing' | 'left'

/**
 * Of a verification. `lost`: an object of a mail that the mailbox does not know; `orphan`: of one that is expunged; `missing`: a
 * mail without an object; `index`: a bundle of no use; `mailbox`: objects of a mailbox that is not in the list. `uid` 0: none.
 * `bytes`: of the object as it is stored, of a mail without one as it was. `done`: '' where nothing was.
 */
export interface Finding {
  mailbox: string; kind: 'lost' | 'orphan' | 'missing' | 'index' | 'mailbox'; object: string; uid: number; bytes: number
  done: '' | 'adopted' | 'deleted' | 'expunged'
}

/** `more`: findings beyond limits.verifyFindings, which are counted (and mended) only. */
export interface Verification { findings: Finding[]; more: number; mailboxes: number; mails: number }

export interface User {
  readonly account: Account
  /** Counts a session in: the user stays loaded until the returned function is called. `closing` is told why the user is going (lost ownership, shutdown). */
  attach(session: { id: string; service: string; closing(reason: string): void }): Cancel

  namespaces(): readonly NamespaceInfo[]
  /** All mailboxes and missing parents in hierarchical name order (INBOX first). In memory, no I/O. */
  list(): readonly MailboxInfo[]
  find(name: string): MailboxInfo | undefined
  /** The mailbox's name now; undefined: it was deleted. */
  nameOf(guid: string): string | undefined
  /** Subscribed names, existing or not. */
  subscriptions(): readonly string[]
  subscribe(context: RequestContext, name: string): Promise<void>
  unsubscribe(context: RequestContext, name: string): Promise<void>
  /** RFC 3501 §6.3.3: a trailing separator creates a name for children only; missing parents are created. */
  create(context: RequestContext, name: string, options?: { specialUse?: string[] }): Promise<MailboxInfo>
  delete(context: RequestContext, name: string): Promise<void>
  /** Renames with all children; renaming INBOX moves its mails (RFC 3501 §6.3.5). */
  rename(context: RequestContext, from: string, to: string): Promise<void>
  /**
   * Annotations of a mailbox ('': of the user) by entry name (RFC 5464); values are byte strings (one character a byte). In memory,
   * no I/O. NONEXISTENT.
   */
  metadata(name: string): ReadonlyMap<string, string>
  /** Sets all of `entries` or none; undefined removes one. NONEXISTENT; LIMIT: too much for one user. */
  setMetadata(context: RequestContext, name: string, entries: ReadonlyMap<string, string | undefined>): Promise<void>
  /** A mailbox's access control list (RFC 4314), rights by identifier, as it was set; it is kept here and enforced by sessions. NONEXISTENT. */
  acl(name: string): ReadonlyMap<string, string>
  /** Sets an identifier's rights; undefined: its entry goes. NONEXISTENT; LIMIT: too many entries for one user. */
  setAcl(context: RequestContext, name: string, identifier: string, rights: string | undefined): Promise<void>
  /** Figures without opening a view; from memory or local files, a store only when both are lost. */
  status(context: RequestContext, name: string): Promise<MailboxStatus>

  /** Loads the mailbox; it stays loaded until `close` of the returned handle. NONEXISTENT if there is none. */
  open(context: RequestContext, name: string): Promise<MailboxHandle>
  /** Stores all drafts or none; visible in UID order. TRYCREATE if there is no such mailbox. */
  append(context: RequestContext, name: string, drafts: Draft[]): Promise<AppendResult>
  deliver(context: RequestContext, delivery: Delivery): Promise<DeliveryResult>
  /** The quota roots that limit what goes into a mailbox of this name, existing or not: those that clients are told of. */
  quotaRoots(name: string): readonly string[]
  /** A quota root's usage and limits; undefined: there is none of that name. Costs as `status` of every mailbox does: nothing where that is warm. */
  quota(context: RequestContext, root: string): Promise<QuotaUsage | undefined>
  /** Calls `watcher` (synchronously, after the journal has it) for everything that happens to any mailbox; loads none. */
  watch(watcher: (news: News) => void): Cancel
}

/** Usage and limits in bytes and messages; undefined: no limit. Limits are told, and not enforced yet. */
export interface QuotaUsage {
  readonly name: string
  readonly bytes: number
  readonly messages: number
  readonly limits: { readonly bytes: number | undefined; readonly messages: number | undefined }
}

/** Which flags may be set: these system flags, and keywords or none. */
export interface FlagRights { readonly system: number; readonly keywords: boolean }

/** `flags`: those that the copies may have; all, where it is absent. */
export interface CopyOptions { readonly move: boolean; readonly flags?: FlagRights }

/** What has happened, and `session`: whose doing it was (RequestContext.session), where it was a session's. */
export type News = { readonly session: string | undefined } & (
  /** Messages of a mailbox. Only what happened is true; `unseen`: flags have changed how many are unseen. */
  | { readonly kind: 'messages'; readonly guid: string; readonly appended: boolean; readonly expunged: boolean; readonly flags: boolean; readonly unseen: boolean; readonly status: MailboxStatus }
  /** Names, as they are visible. A subscription's name may be no mailbox's. */
  | { readonly kind: 'created' | 'deleted' | 'subscription'; readonly name: string }
  /** A mailbox, and what has been renamed with it. INBOX's mails have moved, and it is still there. */
  | { readonly kind: 'renamed'; readonly name: string; readonly from: string; readonly below: readonly { readonly name: string; readonly from: string }[] }
  /** `before`: the entries as they were. */
  | { readonly kind: 'acl'; readonly name: string; readonly before: ReadonlyMap<string, string> }
  /** Annotations that were set or removed; name '': the user's own. */
  | { readonly kind: 'metadata'; readonly name: string; readonly entries: readonly string[] }
)

export interface MailboxHandle {
  readonly mailbox: Mailbox
  close(): void
  /** As `close`, and nobody is going to open another one: it is closed when its index has been uploaded in its time, and not for that. */
  rest(): void
}

/** On whose behalf a message is read. `lostAsEmpty`: whether one whose object is gone reads as empty lines; absent: as the user's settings say. */
export interface ReadContext extends RequestContext { lostAsEmpty?: boolean }

/** A mailbox in memory, as sessions see it. Rows are in UID order; a row number is valid until the next await. */
export interface Mailbox {
  readonly guid: string
  readonly name: string
  readonly uidValidity: number
  readonly uidNext: number
  readonly highestModseq: number
  /** Keyword names by keyword number; grows, never shrinks while the mailbox is loaded. */
  readonly keywords: readonly string[]
  readonly messages: Messages
  readonly updates: UpdateLog

  /** Row of the first message without \Seen, -1 if there is none. Mostly O(1). */
  firstUnseen(): number
  /** Claims the messages no session has seen yet: returns the first recent UID (all ≥ it are \Recent for the caller). Read-only: looks without claiming. */
  claimRecent(readOnly: boolean): number
  /**
   * The UIDs expunged after `modseq`, in ascending ranges (which may hold UIDs that never were a message's). Undefined:
   * nobody knows, because it is too long ago or the mailbox has not come so far; what is not there now may have vanished.
   */
  vanishedSince(modseq: number): readonly { readonly first: number; readonly last: number }[] | undefined
  /**
   * Changes flags of those of `uids` that exist. `unchangedSince` (RFC 7162): those changed later are left alone and returned in `modified`.
   * `by` marks the update so that a .SILENT session need not hear its own change.
   */
  store(context: RequestContext, uids: readonly number[], change: { mode: 'add' | 'remove' | 'replace'; flags: FlagSet; unchangedSince?: number; by?: object }): Promise<{ changed: number[]; modified: number[] }>
  /** Removes those of `uids` that exist; objects are deleted in the background after the journal knows. Returns the UIDs removed by this call. */
  expunge(context: RequestContext, uids: readonly number[]): Promise<number[]>
  /** Copies (by the store, without download) or moves those of `uids` that exist, all or none. TRYCREATE if there is no such mailbox. */
  copy(context: RequestContext, uids: readonly number[], to: string, options: CopyOptions): Promise<CopyResult>
  /** From the message cache; where that lacks it, read from the object and cached. EXPUNGEISSUED if the message is gone. */
  summary(context: ReadContext, uid: number): Promise<Summary>
  /**
   * The heads of many messages' summaries in the order of `uids` (best ascending), a bounded number at a time: from the message cache
   * alone, so no request. A batch is gone through once, before the next one is taken; each MessageHead, and its head, is good until the
   * next one (it is the same object), the bytes of its header for as long as somebody holds them.
   */
  heads(context: RequestContext, uids: ArrayLike<number>): AsyncIterable<Iterable<MessageHead>>
  /** The message's bytes (CRLF form), streamed; stop iterating to release the store. */
  read(context: ReadContext, uid: number, range?: ByteRange): Promise<AsyncIterable<Uint8Array>>
}

/** `head` is undefined where the message cache lacks it, or the message is gone: ask `summary`. */
export interface MessageHead { readonly uid: number; readonly head: SummaryHead | undefined }

/** The columns of a mailbox, read-only for everybody but the user actor. Arrays may be longer than `count`. */
export interface Messages {
  readonly count: number
  readonly uids: Uint32Array
  /** System flag bits. */
  readonly flags: Uint8Array
  readonly modseqs: Float64Array
  /** RFC822.SIZE. */
  readonly sizes: Uint32Array
  /** INTERNALDATE and save date, seconds since 1970. */
  readonly internalDates: Float64Array
  readonly saveDates: Float64Array
  /** Row of a UID, -1 if there is none. O(log n). */
  rowOf(uid: number): number
  /** The same for one who goes through many: O(1) if it is `near`. */
  rowNear(uid: number, near: number): number
  /** Row of the first UID ≥ uid (count if none). */
  rowFrom(uid: number): number
  hasKeyword(row: number, keyword: number): boolean
  /** Keyword numbers set on a row. */
  keywordsOf(row: number): number[]
  /** 32 hex digits. */
  guidOf(row: number): string
  /** The current UIDs as a value that later changes do not touch (appends may share its storage). O(1) but after an expunge. */
  uidList(): UidList
}

/** Immutable ascending UIDs: `uids[0 … count-1]`. */
export interface UidList { readonly uids: Uint32Array; readonly count: number }

/** What happened to a mailbox, in order. Views filter and apply them (gluon's Update). */
export type Update =
  /** New messages at the end; `after` has them. `session`: whose. */
  | { kind: 'append'; after: UidList; count: number; session?: string }
  /** `uids` ascending. `before`/`after`: the mailbox's list, so that a view in step swaps it in O(1). */
  | { kind: 'expunge'; uids: readonly number[]; before: UidList; after: UidList }
  | { kind: 'flags'; uids: readonly number[]; by?: object }
  /** A keyword name appeared in the mailbox: FLAGS/PERMANENTFLAGS have changed. */
  | { kind: 'keywords' }
  /** The mailbox was deleted (or its user is leaving): views see no more. */
  | { kind: 'gone'; reason: string }

/** The mailbox's recent updates, shared by all its views; a view remembers the position it has applied up to. */
export interface UpdateLog {
  /** Position after the newest update; positions only grow. */
  readonly end: number
  /** Oldest position still kept. A view behind it must compare whole lists. */
  readonly start: number
  at(position: number): Update
  /** Called (synchronously, after the journal has it) for each new update. */
  subscribe(listener: () => void): Cancel
}
