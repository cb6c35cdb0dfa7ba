// What a client has switched on that changes what existing commands and responses mean, for the rest of the connection:
// IMAP4rev2 (RFC 9051), UTF8=ACCEPT (RFC 9755, before it RFC 6855), UIDONLY (RFC 9586). Until then Culver speaks IMAP4rev1 (RFC 9051 appendix A).

import { Bad } from './result.ts'

/** A session, as far as these questions need it. */
export interface Speaker { readonly enabled: ReadonlySet<string> }

/** Behind ENABLE IMAP4rev2: SELECT tells LIST, SEARCH answers ESEARCH, nothing is \Recent, names are UTF-8. */
export const speaksRev2 = ({ enabled }: Speaker): boolean => enabled.has('IMAP4REV2')

/** Mailbox names are UTF-8 on the wire, instead of modified UTF-7; strings of either side may be UTF-8. */
export const speaksUtf8 = ({ enabled }: Speaker): boolean => enabled.has('IMAP4REV2') || enabled.has('UTF8=ACCEPT')

/** No message numbers in either direction: UID commands alone, UIDFETCH for FETCH, VANISHED for EXPUNGE. */
export const speaksUidsOnly = ({ enabled }: Speaker): boolean => enabled.has('UIDONLY')

/** RFC 9586 §3: what a client hears that says message numbers all the same. */
export function mustSpeakUids(to: Speaker, what: string): void {
  if (speaksUidsOnly(to)) throw new Bad(`Error in IMAP command ${what}: Message numbers are not used with UIDONLY.`, 'UIDREQUIRED')
}
