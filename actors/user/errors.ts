// Refusals with a mail meaning. Sessions translate them once: IMAP to NO [CODE], LMTP to an enhanced status code.

/** The codes are RFC 5530's, RFC 3501's and RFC 9051's response codes. */
export type MailErrorCode =
  | 'NONEXISTENT' | 'ALREADYEXISTS' | 'TRYCREATE' | 'CANNOT' | 'NOPERM' | 'OVERQUOTA' | 'LIMIT'
  | 'EXPUNGEISSUED' | 'HASCHILDREN' | 'UNKNOWN-CTE' | 'TOOBIG' | 'SERVERBUG' | 'UNAVAILABLE'

/** A request the user actor understood and refuses; nothing was changed. */
export class MailError extends Error {
  override readonly name = 'MailError'
  readonly code: MailErrorCode
  constructor(code: MailErrorCode, message: string) { super(message); this.code = code }
}
