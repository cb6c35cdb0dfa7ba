// What the machine runs: something with an address that receives messages one at a time, can be described and stopped.

/** What `culver adm actors` shows of an actor. */
export interface Description { kind: string; name: string; detail?: string; values?: Record<string, number> }

/**
 * An actor owns its state alone. It is called on its thread only, and reaches the world through Effects only.
 * A failing `receive` is logged and answered to the asker; the actor goes on.
 */
export interface Actor<Message, Answer = unknown> {
  /** Handles one message. The next one is handed over when the promise has settled, unless the actor says `concurrent`. */
  receive(message: Message): Promise<Answer> | Answer
  /** True: messages need not wait for each other (the actor orders what needs order itself). */
  readonly concurrent?: boolean
  /** Ends it cleanly: flush, close. Must settle within `deadlineMs`. */
  stop(deadlineMs: number): Promise<void>
  describe(): Description
}
