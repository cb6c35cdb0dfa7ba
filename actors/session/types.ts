// What every protocol session is made of, whatever it speaks: a wire to its client, a seed that says how it began, and
// the world it lives in. A session touches neither sockets nor storage: bytes come in by `input`, go out by `wire`.

import type { Effects } from '../../runtime/effects.ts'
import type { ClientProfile } from '../../conf/clients.ts'
import type { Settings } from '../../conf/settings.ts'
import type { Account, Delivery, DeliveryResult, User } from '../user/types.ts'
import type { AuthAnswer, AuthRequest } from '../auth-messages.ts'
import type { SessionSeed } from './seed.ts'
import type { Description } from '../../runtime/actor.ts'
import type { BackendAddress, BackendLink } from './backend.ts'
import type { HandOver } from './hand-over.ts'

/** The client's end, as a session sees it. Local socket or bytes relayed from another worker: no difference. */
export interface Wire {
  /** Queues bytes (a string is Latin-1: one byte a character) for the client. Small writes of one turn leave as one packet. */
  write(bytes: Uint8Array | string): void
  /** Bytes queued and not yet taken by the client's kernel. Producers stop at limits.wireHighBytes … */
  readonly pending: number
  /** … and wait here until it has sunk to limits.wireLowBytes. Rejects with Cancelled when the client is gone. */
  drained(): Promise<void>
  /** Stops, resumes `input` calls (backpressure to the client); neither calls it from within. */
  pause(): void
  resume(): void
  /** Sends what is queued, then FIN. */
  close(): void
  /**
   * From here on both directions are compressed (RFC 4978): what has been written before leaves as it is; `input` has been
   * received and not consumed, and is the beginning of what the client compresses. Once only.
   */
  compress(input: Uint8Array): void
  readonly compressed: boolean
  /** The client is expected to be silent for long: gives back memory that can be filled anew. */
  park(): void
  /** Totals since the connection began, for logout lines: text, as it was before it was compressed. */
  readonly bytesIn: number
  readonly bytesOut: number
}

/** A connection that another server serves. */
export interface Passed { user: string; place: string }

/** Outcome of `settle`: the user's home is here (the session goes on and has the user), or elsewhere (it must fall silent; its bytes flow to its continuation). */
export type Settled = { here: true; user: User } | { here: false }

/** What a session may use. Made by the worker; by tests from doubles. */
export interface SessionWorld {
  readonly effects: Effects
  /** Settings effective for this connection's protocol and addresses. */
  readonly settings: Settings
  /** What is known of mail programs. */
  readonly clients: readonly ClientProfile[]
  readonly wire: Wire
  readonly seed: SessionSeed
  /** A trusted peer has said whose connection this is: `seed` and `settings` are that client's from now on. Before login only. */
  handOver(said: HandOver): void
  /** `ask('auth', …)`; never rejects: failure to ask is `temporary`. */
  authenticate(request: AuthRequest): Promise<AuthAnswer>
  /**
   * After a successful login: opens the user here, or freezes this session over to the user's home worker.
   * `freeze` is called only in the second case, at the last moment, and gives `state` and the unconsumed input.
   * TempFail: the user cannot be opened now (store away).
   */
  settle(account: Account, freeze: () => { state: unknown; input: Uint8Array }): Promise<Settled>
  /** Delivers to a user wherever its home is (LMTP). MailError, TempFail as User.deliver. */
  deliver(account: Account, delivery: Delivery): Promise<DeliveryResult>
  /**
   * The client has logged out and stays (RFC 8437): this session has ended, another one begins on the connection. `input` has
   * not been consumed.
   */
  again(input: Uint8Array): void
  /**
   * TLS begins behind what has been written (STARTTLS; `seed.startTls`): this session has ended, and what it has not consumed of
   * its input is lost with it; another one begins when the handshake is done. It knows nothing that was said before (RFC 3207 §4.2).
   */
  startTls(): void
  /** A connection to another server. TempFail: it cannot be had in time. */
  connect(to: BackendAddress): Promise<BackendLink>
  /**
   * This session has ended: from here on the client's bytes (`input`, received and not consumed, first) go to `link`, and what comes
   * there to the client, after `lines`. `about`: for the log, when that is over.
   */
  passThrough(link: BackendLink, input: Uint8Array, about: Passed, lines: readonly string[]): void
  /** The session has ended: it will neither read nor write any more. */
  ended(): void
}

/** One connection's actor. Calls never overlap a running synchronous section; `input` is not called while paused. */
export interface Session {
  /** Sends the greeting, or goes on as `seed.resumed` says. */
  start(): void
  /** More bytes of the client. The session may keep a view of them only until it returns (copy what stays). */
  input(bytes: Uint8Array): void
  /**
   * The client sends no more (FIN), but may still read: what it has sent is answered, then the connection closed. Comes
   * after the last `input`. `why`: nothing sensible can come of it any more, and the session ends telling that.
   */
  end(why?: string): void
  /** The client is gone (reset, time-out): free everything, write nothing. */
  hangup(): void
  /** Server-side end: finish the running command, tell the client (`* BYE …`, `421 4.3.2 …`), close. */
  stop(reason: string): Promise<void>
  describe(): Description
}

/** One file per protocol exports one: actors/session/imap/machine.ts … */
export type SessionFactory = (world: SessionWorld) => Session
