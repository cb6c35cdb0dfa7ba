// Message-IDs in Message-ID, References and In-Reply-To, in the form in which they are compared. RFC 5322 §3.6.4, RFC 5256 §2.2.

/** `<left@right>`; the left part may be quoted. Comments, words and what is broken lie between. */
const first = /<\s*("(?:[^"\\]|\\[^])*"|[^\s<>"@]+)\s*@\s*([^\s<>]+)\s*>/
const every = new RegExp(first, 'g')

/** All Message-IDs of a field's value, in order. */
export const messageIds = (value: string): string[] => Array.from(value.matchAll(every), normal)

/** The first one, or undefined. */
export const firstMessageId = (value: string): string | undefined => {
  const match = first.exec(value)
  return match === null ? undefined : normal(match)
}

/** Without quotes where they change nothing. */
const normal = ([, left, right]: RegExpMatchArray): string => {
  const plain = left!.startsWith('"') ? left!.slice(1, -1).replace(/\\([^])/g, '$1') : left!
  return `${plain}@${right!}`
}
