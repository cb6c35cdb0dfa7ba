// What the parser knows of a message: enough to answer ENVELOPE, BODYSTRUCTURE, sections and headers without the message.

// All strings taken from headers are byte strings: one character a byte, as sent (byte-strings.ts); encoded-words.ts and
// parameters.ts make Unicode of them.

/**
 * One MIME part with the place of its bytes in the message (CRLF form). RFC 2045, RFC 3501 §7.4.2.
 * The message itself is the root part.
 */
export interface MimePart {
  /** Lower case, `text`/`plain` where absent or broken. */
  type: string
  subtype: string
  /** Content-Type parameters in their order, names lower case, values decoded of quoting only (RFC 2231 left as sent). */
  params: [string, string][]
  id?: string
  description?: string
  /** Content-Transfer-Encoding, lower case, default `7bit`. */
  encoding: string
  disposition?: { type: string; params: [string, string][] }
  language?: string[]
  location?: string
  md5?: string
  /** Offset of the part's header (the message's own: 0), size of the header with its empty line, and of the body. */
  headerOffset: number
  headerSize: number
  bodySize: number
  /** CRLF-terminated lines of the body (a last unterminated line counts not, as in Dovecot). */
  bodyLines: number
  /** Of multipart/*: its parts, at least one. Of message/rfc822 (and message/global, unless encoded): exactly one, the embedded message. Else absent. */
  parts?: MimePart[]
  /** Embedded message (the child of message/rfc822): the raw header fields that ENVELOPE needs. */
  envelope?: EnvelopeFields
}

/** The raw, unfolded values of the fields of RFC 3501's ENVELOPE; addresses are parsed when they are asked for. */
export interface EnvelopeFields {
  date?: string; subject?: string; from?: string; sender?: string; replyTo?: string
  to?: string; cc?: string; bcc?: string; inReplyTo?: string; messageId?: string
}

/** What is kept of a message's header. */
export interface SummaryHead {
  /** Bytes of the message in CRLF form (RFC822.SIZE). */
  size: number
  /** The raw header fields worth keeping, each `Name: value CRLF` as sent (folding kept), in order, without the empty line. */
  header: Uint8Array
  /** Lower-case names of fields the message has and `header` leaves out (bulky: received, dkim-signature …). */
  omitted: string[]
  /** Its preview (preview.ts), where it was made on arrival. Unicode. */
  preview?: string
}

/** What is kept of a message in the message cache. Structured-clonable, and encodable as JSON but for `header`. */
export interface Summary extends SummaryHead {
  root: MimePart
}

/** An address of RFC 5322 as IMAP shows it; a group start has mailbox and no host, its end has neither. */
export interface Address { name?: string; route?: string; mailbox?: string; host?: string }
