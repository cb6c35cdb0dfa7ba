// What a session's connection asks of the machine that runs it.

export interface Owner {
  /** Ends the session after the running command; `bye` is told unless it is ''. */
  leave(bye: string): void
  crash(error: unknown): void
  /** The session has been asleep. */
  woken(): void
}
