// What was heard of an IMAP session, taken apart without knowing what it means: tagged commands, and the items of FETCH responses
// as the bytes in which they stood.

export interface Answer {
  tag: string
  /** OK, NO, BAD, and the response code's name. */
  status: string
  /** Items of the untagged FETCH responses before it: name → bytes. */
  items: Map<string, string>
}

/** The answers in a Latin-1 transcript of the server's side. */
export function fetchAnswers(heard: string): Answer[] {
  const answers: Answer[] = []
  let items = new Map<string, string>()
  let at = 0
  while (at < heard.length) {
    const line = heard.slice(at, endOfLine(heard, at))
    const fetch = /^\* \d+ FETCH \(/.exec(line)
    if (fetch !== null) {
      at = readItems(heard, at + fetch[0].length, items)
    } else {
      const tagged = /^(\w+) (OK|NO|BAD)(?: \[([A-Z0-9-]+))?/.exec(line)
      if (tagged !== null) {
        answers.push({ tag: tagged[1]!, status: `${tagged[2]!} ${tagged[2] === 'NO' ? tagged[3] ?? '' : ''}`.trim(), items })
        items = new Map()
      }
      at += line.length
    }
    at = heard.indexOf('\n', at) + 1 || heard.length
  }
  return answers
}

const endOfLine = (heard: string, at: number): number => {
  const end = heard.indexOf('\r\n', at)
  return end < 0 ? heard.length : end
}

/** Reads `name value …)` from here; answers where the parenthesis was. */
function readItems(heard: string, at: number, items: Map<string, string>): number {
  while (heard[at] !== ')') {
    const [name] = /^[^ [(]+(?:\[[^\]]*\](?:<\d+>)?)?/.exec(heard.slice(at, at + 2000)) ?? []
    if (name === undefined) throw new Error(`no item at ${JSON.stringify(heard.slice(at, at + 100))}`)
    const start = at + name.length + 1
    at = valueEnd(heard, start)
    items.set(name, heard.slice(start, at))
    if (heard[at] === ' ') at++
  }
  return at
}

/** Where the value that begins at `at` ends. */
function valueEnd(heard: string, at: number): number {
  let depth = 0
  while (at < heard.length) {
    const char = heard[at]!
    if (char === '(') depth++
    else if (char === ')' && --depth < 0) return at
    else if (char === ' ' && depth === 0) return at
    else if (char === '"') {
      for (at++; heard[at] !== '"'; at++) if (heard[at] === '\\') at++
    } else if (char === '{') {
      const [announced, size] = /^\{(\d+)\}\r\n/.exec(heard.slice(at, at + 20)) ?? []
      if (announced === undefined) throw new Error(`no literal at ${JSON.stringify(heard.slice(at, at + 100))}`)
      at += announced.length + Number(size) - 1
    }
    at++
    if (depth === 0 && heard[at - 1] === ')') return at
  }
  throw new Error('a value without end')
}
