// Values of header fields that are plain: printable ASCII on one line, as nearly all are. What can be asked of them is asked at their
// bytes, many times as fast as of a string; whoever finds one that is not plain takes the general way (headers.ts, casemap.ts …).

const SPACE = 32
const EQUALS = 61
const QUESTION = 63

const isSpace = (byte: number): boolean => byte === SPACE || byte === 9 || byte === 13 || byte === 10

/** Without white space in front. */
export const trimmedStart = (block: Uint8Array, start: number, end: number): number => {
  while (start < end && isSpace(block[start]!)) start++
  return start
}

/** Without white space, or line ending, behind. */
export const trimmedEnd = (block: Uint8Array, start: number, end: number): number => {
  while (end > start && isSpace(block[end - 1]!)) end--
  return end
}

/** Whether [start, end) is printable ASCII alone, and has no encoded-word. */
export const isPlain = (block: Uint8Array, start: number, end: number): boolean => {
  for (let at = start; at < end; at++) {
    const byte = block[at]!
    if (byte < SPACE || byte > 126 || (byte === QUESTION && at > start && block[at - 1] === EQUALS)) return false
  }
  return true
}

const upperCase = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 97 && byte <= 122 ? byte - 32 : byte))

/** Whether the upper-case text `key` occurs in [start, end), letter case apart. */
export const includesKey = (block: Uint8Array, start: number, end: number, key: Uint8Array): boolean => {
  if (key.length === 0) return true
  const first = key[0]!
  for (let at = start, last = end - key.length; at <= last; at++) {
    if (upperCase[block[at]!] !== first) continue
    let same = 1
    while (same < key.length && upperCase[block[at + same]!] === key[same]) same++
    if (same === key.length) return true
  }
  return false
}
