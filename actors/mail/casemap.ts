// The collation i;unicode-casemap that SEARCH, SORT and THREAD compare by. RFC 5051 §2.
//
// Each character is put into title case and decomposed, by itself: so the key of a text is the sum of the keys of its
// pieces, and a stream can be searched piece by piece.

import { limits } from '../../runtime/limits.ts'

/** The comparison key of a text: two texts match if their keys are equal, one contains the other if its key does. */
export const casemap = (text: string): string => {
  if (/^[\x00-\x7f]*$/.test(text)) return text.toUpperCase()
  let key = ''
  for (let at = 0; at < text.length; at++) {
    const code = text.codePointAt(at)!
    if (code > 0xffff) at++
    key += keys.get(code) ?? keyOf(code)
  }
  return key
}

/** Letters that are two in one have a title case of their own (Dž), on which their upper and lower case fall. */
const titleCase: ReadonlyMap<string, string> = new Map([
  ['\u01c4', '\u01c5'], ['\u01c5', '\u01c5'], ['\u01c6', '\u01c5'],
  ['\u01c7', '\u01c8'], ['\u01c8', '\u01c8'], ['\u01c9', '\u01c8'],
  ['\u01ca', '\u01cb'], ['\u01cb', '\u01cb'], ['\u01cc', '\u01cb'],
  ['\u01f1', '\u01f2'], ['\u01f2', '\u01f2'], ['\u01f3', '\u01f2'],
])

/** Keys of code points met before: computed once, and the same for ever. Mail uses few of the 1.1 million there are. */
const keys = new Map<number, string>()

const keyOf = (code: number): string => {
  const key = simpleTitleCase(String.fromCodePoint(code)).normalize('NFKD')
  if (keys.size < limits.casemapKeys) keys.set(code, key)
  return key
}

/** Simple mapping only: a character whose capital is several (ß) stays as it is. */
const simpleTitleCase = (char: string): string => {
  const title = titleCase.get(char)
  if (title !== undefined) return title
  const upper = char.toUpperCase()
  return [...upper].length === 1 ? upper : char
}
