// Message-IDs in Message-ID, References and In-Reply-To, in the form in which they are compared. RFC 5322 §3.6.4, RFC 5256 §2.2.

/** `<left@right>`; the left part may be quoted. Comments, words and what is broken lie between. */
const first = /<\s*("(?:[^"\\]|\\[^])*"|[^\s<>"@]+)\s*@\s*([^\s<>]+)\s*>/
const every = new RegExp(first, 'g')

/** All Message-IDs of a field's value, in order. */
export const messageIds = (value: string): string[] => plainIds(value) ?? Array.from(value.matchAll(every), normal)

/** Of a value that is nothing but plain Message-IDs with space between, as nearly all are; else undefined. */
const plainIds = (value: string): string[] | undefined => {
  const ids: string[] = []
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at)
    if (code === SPACE || code === TAB) continue
    const end = code === OPEN ? plainIdEnd(value, at + 1) : -1
    if (end < 0) return undefined
    ids.push(value.slice(at + 1, end))
    at = end
  }
  return ids
}

const TAB = 9
const SPACE = 32
const QUOTE = 34
const OPEN = 60
const CLOSE = 62
const AT = 64

/** Where the bracket is behind `left@right` of printable ASCII that begins at `start`; -1 if it is anything else. */
const plainIdEnd = (value: string, start: number): number => {
  let middle = -1
  for (let at = start; at < value.length; at++) {
    const code = value.charCodeAt(at)
    if (code === CLOSE) return middle > start && at > middle + 1 ? at : -1
    if (code <= SPACE || code > 126 || code === OPEN || (code === QUOTE && middle < 0)) return -1
    if (code === AT && middle < 0) middle = at
  }
  return -1
}

/** The first one, or undefined. */
export const firstMessageId = (value: string): string | undefined => {
  const end = value.charCodeAt(0) === OPEN ? plainIdEnd(value, 1) : -1
  if (end > 0) return value.slice(1, end)
  const match = first.exec(value)
  return match === null ? undefined : normal(match)
}

/** Without quotes where they change nothing. */
const normal = ([, left, right]: RegExpMatchArray): string => {
  const plain = left!.startsWith('"') ? left!.slice(1, -1).replace(/\\([^])/g, '$1') : left!
  return `${plain}@${right!}`
}
