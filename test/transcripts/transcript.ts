// A transcript: one behaviour a file, as the lines that client and server say.
//
//   # comment
//   C: a1 NOOP                    the client sends a line (CRLF is added)
//   C: a1 APPEND INBOX            … with a literal behind it: `{28+}`, and the lines that follow
//    | Subject: one
//   C*1000: a1 NOOP               the same line a thousand times, at once
//   C-: a1 NO                     sends without CRLF (C-*1000: likewise)
//   C=: "a1 NOOP\r\n\u0000"       sends a JSON string, raw: each character is a byte
//   C/: a1 NOOP                   sends a line byte by byte
//   C.                            the client vanishes
//   C~.                           from here on both directions are deflated (COMPRESS); or, if they are, they are not any more
//   S: a1 OK {{.*}}               the server says exactly this; {{…}} is a regular expression, {{name=…}} also remembers it
//   S*: a1 OK {{.*}}              skips lines until one is this
//   S*1000: a1 OK {{.*}}          a thousand lines like this
//   S.                            the server closes the connection, and says nothing more
//   C[b]: …  S[b]: …              another connection; names that begin with lmtp speak to the LMTP port
//   @ anonymous                   connections do not log in by themselves (and their greeting must be in the transcript)
//
// In what is sent and expected, ${name} is a remembered value; ${user} and ${password} are the transcript's own.

export type Step =
  | { kind: 'send'; who: string; bytes: string; mode: SendMode; times: number; literal?: string; line: number }
  | { kind: 'expect'; who: string; pattern: string; skip: boolean; times: number; line: number }
  | { kind: 'vanish' | 'compress' | 'closed'; who: string; line: number }

/** `text` is UTF-8; `raw`: characters are bytes. */
export type SendMode = 'text' | 'raw' | 'bytewise'

export interface Transcript { anonymous: boolean; steps: Step[] }

const lineForm = /^([CS])(?:\[(\w+)\])?([-=/~])?(\*\d*)?(:|\.)(?: (.*))?$/

/** Throws with the line number if the text is no transcript. */
export function parseTranscript(text: string): Transcript {
  const transcript: Transcript = { anonymous: false, steps: [] }
  for (const [index, whole] of text.split('\n').entries()) {
    const line = index + 1
    if (whole === '' || whole.startsWith('#')) continue
    if (whole === '@ anonymous') transcript.anonymous = true
    else if (whole.startsWith(' |')) addLiteral(transcript.steps.at(-1), whole.slice(2).replace(/^ /, ''), line)
    else transcript.steps.push(parseStep(whole, line))
  }
  return transcript
}

function addLiteral(step: Step | undefined, text: string, line: number): void {
  if (step?.kind !== 'send' || step.mode !== 'text') throw new Error(`line ${line}: a literal stands behind a C: line`)
  step.literal = `${step.literal ?? ''}${text}\r\n`
}

function parseStep(whole: string, line: number): Step {
  const match = lineForm.exec(whole)
  if (match === null) throw new Error(`line ${line} is neither C:, S: nor a comment: ${whole}`)
  const [, side, who = 'main', mode = '', repeat = '', punctuation, rest = ''] = match
  if (punctuation === '.') return { kind: side === 'S' ? 'closed' : mode === '~' ? 'compress' : 'vanish', who, line }
  const times = Number(repeat.slice(1) || 1)
  if (side === 'S') return { kind: 'expect', who, pattern: rest, skip: repeat === '*', times, line }
  if (mode === '=') return { kind: 'send', who, bytes: JSON.parse(rest) as string, mode: 'raw', times, line }
  return { kind: 'send', who, bytes: mode === '-' ? rest : `${rest}\r\n`, mode: mode === '/' ? 'bytewise' : 'text', times, line }
}

const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** An expectation as a regular expression; `{{name=…}}` become named groups. */
export function patternOf(pattern: string, values: Map<string, string>): RegExp {
  const filled = fill(pattern, values)
  const source = filled.split(/(\{\{.*?\}\}(?!\}))/).map((piece) => {
    const inner = /^\{\{(?:(\w+)=)?(.*)\}\}$/.exec(piece)
    if (inner === null) return escape(piece)
    return inner[1] === undefined ? `(?:${inner[2]})` : `(?<${inner[1]}>${inner[2]})`
  })
  return new RegExp(`^${source.join('')}$`)
}

/** Puts remembered values in place of ${name}. */
export const fill = (text: string, values: Map<string, string>): string =>
  text.replace(/\$\{(\w+)\}/g, (whole, name: string) => values.get(name) ?? whole)

/** What a step sends, its values filled in. */
export function bytesOf(step: Step & { kind: 'send' }, values: Map<string, string>): Buffer {
  const bytes = Buffer.from(fill(step.bytes, values), step.mode === 'raw' ? 'latin1' : 'utf8')
  if (step.literal === undefined) return step.times === 1 ? bytes : Buffer.concat(Array<Buffer>(step.times).fill(bytes))
  const literal = Buffer.from(fill(step.literal, values), 'utf8')
  return Buffer.concat([bytes.subarray(0, -2), Buffer.from(` {${literal.length}+}\r\n`), literal, Buffer.from('\r\n')])
}
