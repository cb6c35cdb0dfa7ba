// A transcript: one behaviour a file, as the lines that client and server say.
//
//   # comment
//   C: a1 NOOP                    the client sends a line (CRLF is added)
//   S: a1 OK {{.*}}               the server says exactly this; {{…}} is a regular expression, {{name=…}} also remembers it
//   S*: a1 OK {{.*}}              skips lines until one is this
//   C-: a1 NO                     sends without CRLF
//   C=: "a1 NOOP\r\n\u0000"       sends a JSON string, raw
//   S.                            the server closes the connection
//   C[b]: …  S[b]: …              another connection; names that begin with lmtp speak to the LMTP port
//   @ anonymous                   connections do not log in by themselves (and their greeting must be in the transcript)
//
// In what the client sends, ${name} is a remembered value; ${user} and ${password} are the transcript's own.

export type Step =
  | { kind: 'send'; who: string; bytes: string; line: number }
  | { kind: 'expect'; who: string; pattern: string; skip: boolean; line: number }
  | { kind: 'closed'; who: string; line: number }

export interface Transcript { anonymous: boolean; steps: Step[] }

const lineForm = /^([CS])(?:\[(\w+)\])?([-=*]?)(:|\.)(?: (.*))?$/

/** Throws with the line number if the text is no transcript. */
export function parseTranscript(text: string): Transcript {
  const transcript: Transcript = { anonymous: false, steps: [] }
  for (const [index, whole] of text.split('\n').entries()) {
    const line = index + 1
    if (whole === '' || whole.startsWith('#')) continue
    if (whole === '@ anonymous') {
      transcript.anonymous = true
      continue
    }
    const match = lineForm.exec(whole)
    if (match === null) throw new Error(`line ${line} is neither C:, S: nor a comment: ${whole}`)
    const [, side, who = 'main', mode = '', punctuation, rest = ''] = match
    if (punctuation === '.') transcript.steps.push({ kind: 'closed', who, line })
    else if (side === 'S') transcript.steps.push({ kind: 'expect', who, pattern: rest, skip: mode === '*', line })
    else transcript.steps.push({ kind: 'send', who, bytes: mode === '=' ? JSON.parse(rest) as string : mode === '-' ? rest : `${rest}\r\n`, line })
  }
  return transcript
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
