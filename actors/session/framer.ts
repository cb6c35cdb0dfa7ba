// Bytes → command lines and literals, for the protocols that have both (RFC 3501 §4.3, RFC 7888; ManageSieve the same).
//
// The framer knows line ends and `{n}` at the end of a line, no grammar. It can stop and go on at any byte. The owner
// pulls: `next` gives the next whole command, or a literal to decide about (`collect`, `stream`, `refuse`).
// - CRLF ends a line; a bare LF does too, as everywhere. A bare CR is an ordinary byte: the grammar refuses it.
// - What is pushed is copied; an idle framer holds no memory. The owner bounds `buffered` by pausing its wire.
// - A refused or over-long command is swallowed to its real end, its literals included, so that message text in a literal
//   is never taken for commands.

/** A literal announced at the end of a line. */
export interface Announcement {
  readonly kind: 'literal'
  /** The command so far, the announcement's line end included. */
  readonly prefix: Uint8Array
  readonly size: number
  /** The client waits for a continuation before it sends the bytes. */
  readonly sync: boolean
}

/** `bytes`, `prefix` are views, valid until the next call of the framer. */
export type Framed =
  /** A whole command with its collected literals in place, without the last line end. */
  | { readonly kind: 'command'; readonly bytes: Uint8Array }
  | Announcement
  /** The line outgrew `lineBytes`; the rest of it is swallowed. `prefix` is its beginning. */
  | { readonly kind: 'tooLong'; readonly prefix: Uint8Array }
  /** A refused command goes on with a literal that is not worth swallowing: nothing sensible can follow. */
  | { readonly kind: 'endless' }

const CR = 0x0d
const LF = 0x0a
/** Enough to hold `{12345678901234567890+}` and a line end. */
const announcementBytes = 32
const empty = new Uint8Array(0)

export class Framer {
  /** Longest command, literals not counted. May be changed at any time. */
  lineBytes: number
  #data = empty
  /** The current command begins here; what is before is consumed. */
  #start = 0
  /** No line end stands before this; may lie behind #end while a collected literal is on its way. */
  #scan = 0
  #end = 0
  /** Bytes of the current command that are collected literals. */
  #literals = 0
  #announced: { size: number; sync: boolean } | undefined
  /** Bytes of a literal still to be streamed or swallowed. */
  #left = 0
  #swallowing = false
  readonly #swallowBytes: number

  /** `swallowBytes`: largest literal of a refused command that is swallowed. */
  constructor(options: { lineBytes: number; swallowBytes: number }) {
    this.lineBytes = options.lineBytes
    this.#swallowBytes = options.swallowBytes
  }

  /** Received and not consumed. */
  get buffered(): number { return this.#end - this.#start }

  /** Takes more bytes of the client. */
  push(bytes: Uint8Array): void {
    if (this.#data.length - this.#end < bytes.length) this.#grow(bytes.length)
    this.#data.set(bytes, this.#end)
    this.#end += bytes.length
  }

  /** The next command or announcement; undefined: more bytes are needed (or a streamed literal is not read to its end). */
  next(): Framed | undefined {
    if (this.#swallowing && !this.#swallow()) return this.#left > this.#swallowBytes ? { kind: 'endless' } : undefined
    if (this.#left > 0) return undefined
    const lineEnd = this.#lineEnd()
    if (this.#outgrown(lineEnd)) return this.#tooLong()
    if (lineEnd === undefined) {
      if (this.buffered === 0) this.#reset()
      return undefined
    }
    const announced = announcement(this.#data.subarray(this.#start, lineEnd))
    this.#scan = lineEnd + 1
    if (announced !== undefined) {
      this.#announced = announced
      return { kind: 'literal', prefix: this.#data.subarray(this.#start, this.#scan), ...announced }
    }
    const bytes = withoutCR(this.#data.subarray(this.#start, lineEnd))
    this.#begin(this.#scan)
    return { kind: 'command', bytes }
  }

  /** The next line whatever it holds, without its end; literals have no meaning in it (SASL responses, DONE). */
  line(): Uint8Array | 'tooLong' | undefined {
    if (this.#swallowing && !this.#swallow()) return undefined
    const lineEnd = this.#lineEnd()
    if (this.#outgrown(lineEnd)) {
      this.#tooLong()
      return 'tooLong'
    }
    if (lineEnd === undefined) {
      if (this.buffered === 0) this.#reset()
      return undefined
    }
    const bytes = withoutCR(this.#data.subarray(this.#start, lineEnd))
    this.#begin(lineEnd + 1)
    return bytes
  }

  /** The announced literal becomes part of the command: `next` gives it whole, later. */
  collect(): void {
    const { size } = this.#decide()
    this.#literals += size
    this.#scan += size
  }

  /** The command so far is consumed; the announced literal is read by `chunk`, and what follows it by `next`. */
  stream(): void {
    this.#left = this.#decide().size
    this.#begin(this.#scan)
  }

  /** The command is given up: what the client sends of it all the same is swallowed. */
  refuse(): void {
    const { size, sync } = this.#decide()
    this.#begin(this.#scan)
    if (sync) return
    this.#left = size
    this.#swallowing = true
  }

  /** What remains of a line after a streamed literal, further literals included, is swallowed. */
  skipLine(): void { this.#swallowing = true }

  /** Bytes of the streamed literal not handed out yet. */
  get left(): number { return this.#swallowing ? 0 : this.#left }

  /** The next piece of the streamed literal, the caller's to keep; undefined: none is here. */
  chunk(): Uint8Array | undefined {
    const length = Math.min(this.left, this.buffered)
    if (length === 0) return undefined
    const piece = this.#data.subarray(this.#start, this.#start + length)
    this.#left -= length
    this.#begin(this.#start + length)
    // All taken: the buffer goes along with the piece. Otherwise the rest stays, and the piece is a copy.
    if (this.buffered > 0) return piece.slice()
    this.#reset()
    return piece
  }

  /** Takes everything that is not consumed yet: for a session that goes on elsewhere. */
  rest(): Uint8Array {
    const bytes = this.#data.slice(this.#start, this.#end)
    this.#reset()
    return bytes
  }

  #decide(): { size: number; sync: boolean } {
    const announced = this.#announced!
    this.#announced = undefined
    return announced
  }

  /** Position of the LF that ends the current line. */
  #lineEnd(): number | undefined {
    if (this.#scan >= this.#end) return undefined
    const found = this.#data.subarray(0, this.#end).indexOf(LF, this.#scan)
    if (found >= 0) return found
    this.#scan = this.#end
    return undefined
  }

  /** Line ends are not counted, so that it is the same however the bytes were cut. */
  #outgrown(lineEnd: number | undefined): boolean {
    const most = this.#start + this.#literals + this.lineBytes
    if (lineEnd === undefined) return this.#end > most + 1
    return (this.#data[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd) > most
  }

  #tooLong(): Framed {
    const prefix = this.#data.subarray(this.#start, Math.min(this.#end, this.#start + 200))
    this.#swallowing = true
    this.#literals = 0
    return { kind: 'tooLong', prefix }
  }

  /** Consumes a refused command as far as it is here. True: its end is behind us. */
  #swallow(): boolean {
    while (true) {
      if (this.#left > this.#swallowBytes) return false
      const skipped = Math.min(this.#left, this.buffered)
      this.#left -= skipped
      if (skipped > 0) this.#begin(this.#start + skipped)
      if (this.#left > 0) return false
      const lineEnd = this.#lineEnd()
      if (lineEnd === undefined) {
        this.#begin(Math.max(this.#start, this.#end - announcementBytes))
        this.#scan = this.#end
        return false
      }
      const announced = announcement(this.#data.subarray(this.#start, lineEnd))
      this.#begin(lineEnd + 1)
      // A client that waits with its literal has its refusal by then, and begins a new command.
      if (announced === undefined || announced.sync) break
      this.#left = announced.size
    }
    this.#swallowing = false
    return true
  }

  #begin(start: number): void {
    this.#start = this.#scan = start
    this.#literals = 0
  }

  #reset(): void {
    this.#data = empty
    this.#scan -= this.#start
    this.#start = this.#end = 0
  }

  /** Makes room; the consumed front is dropped. Doubling keeps byte-by-byte senders linear. */
  #grow(more: number): void {
    const length = this.buffered
    const data = new Uint8Array(length === 0 ? more : Math.max(2 * length, length + more))
    data.set(this.#data.subarray(this.#start, this.#end))
    this.#data = data
    this.#scan -= this.#start
    this.#start = 0
    this.#end = length
  }
}

function withoutCR(line: Uint8Array): Uint8Array {
  return line[line.length - 1] === CR ? line.subarray(0, -1) : line
}

/** `{n}` or `{n+}` at the end of a line (which may still have its CR). */
function announcement(line: Uint8Array): { size: number; sync: boolean } | undefined {
  const bytes = withoutCR(line)
  let at = bytes.length - 1
  if (bytes[at] !== 0x7d) return undefined
  const sync = bytes[--at] !== 0x2b
  if (!sync) at--
  let size = 0
  let digits = 0
  for (let place = 1; at >= 0 && bytes[at]! >= 0x30 && bytes[at]! <= 0x39; at--, place *= 10, digits++) size += (bytes[at]! - 0x30) * place
  return digits > 0 && digits <= 20 && bytes[at] === 0x7b ? { size, sync } : undefined
}
