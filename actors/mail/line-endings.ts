// Mail is kept in CRLF form: a bare LF becomes CRLF, a bare CR is left as it is (as Dovecot does: it ends no line,
// RFC 5322 §2.2, and may belong to binary data).

const CR = 13
const LF = 10

/** Turns a stream of chunks into CRLF form. Any chunk borders give the same bytes. */
export class LineEndings {
  #afterCr = false

  /** The chunk in CRLF form: the same object where nothing had to change, else a new one. */
  push(chunk: Uint8Array): Uint8Array {
    if (chunk.length === 0) return chunk
    const afterCr = this.#afterCr
    this.#afterCr = chunk[chunk.length - 1] === CR
    const bare = countBare(chunk, afterCr)
    return bare === 0 ? chunk : insertCrs(chunk, afterCr, bare)
  }
}

/** LFs of the chunk that no CR precedes. */
const countBare = (chunk: Uint8Array, afterCr: boolean): number => {
  let bare = 0
  for (let at = chunk.indexOf(LF); at !== -1; at = chunk.indexOf(LF, at + 1)) {
    if (at === 0 ? !afterCr : chunk[at - 1] !== CR) bare++
  }
  return bare
}

const insertCrs = (chunk: Uint8Array, afterCr: boolean, bare: number): Uint8Array => {
  const out = new Uint8Array(chunk.length + bare)
  let copied = 0
  let length = 0
  for (let at = chunk.indexOf(LF); at !== -1; at = chunk.indexOf(LF, at + 1)) {
    if (at === 0 ? afterCr : chunk[at - 1] === CR) continue
    out.set(chunk.subarray(copied, at), length)
    length += at - copied
    out[length++] = CR
    copied = at
  }
  out.set(chunk.subarray(copied), length)
  return out
}
