// Replies with enhanced status codes. RFC 5321 §4.2, RFC 2034, RFC 3463.

/** A command refused: thrown by parsing and running commands, answered as it is. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  /** Counts towards limits.badCommands: unknown or garbled commands. */
  readonly bad: boolean
  /** The connection cannot go on: why, for the log. */
  readonly close: string | undefined
  constructor(reply: string, options: { bad?: boolean; close?: string } = {}) {
    super(reply)
    this.bad = options.bad ?? false
    this.close = options.close
  }
}

/** A command that cannot be understood. */
export const badCommand = (reply: string): Refusal => new Refusal(reply, { bad: true })

/** What a stranger wrote, made fit for one line of a reply, header or log. */
export const oneLine = (text: string): string => text.replace(/[\u0000-\u001f\u007f]/g, '?')
