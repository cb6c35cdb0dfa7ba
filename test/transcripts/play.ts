// Plays transcripts against a server that runs: each with a user of its own, so that they can run side by side.

import fs from 'node:fs'
import path from 'node:path'
import { LineClient } from '../fixtures/line-client.ts'
import { TestServer, password } from '../fixtures/server.ts'
import { bytesOf, parseTranscript, patternOf } from './transcript.ts'
import type { Step, Transcript } from './transcript.ts'

const here = import.meta.dirname

/** How many may be played at a time: much of a transcript's time is waiting for the disk. */
export const sideBySide = 8

/** Every transcript below this folder, as paths relative to it. */
export const transcriptFiles = (): string[] =>
  fs.readdirSync(here, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.txt')).sort()

/** The user of a transcript: letters and digits of its path, so that nobody else has it. */
const userOf = (file: string): string => `${file.replace(/\.txt$/, '').replace(/[^a-z0-9]+/gi, '-').toLowerCase()}@example.com`

class Play {
  readonly #server: TestServer
  readonly #anonymous: boolean
  readonly #compressed: boolean
  readonly #connections = new Map<string, LineClient>()
  readonly values: Map<string, string>

  constructor(server: TestServer, user: string, anonymous: boolean, compressed: boolean) {
    this.#server = server
    this.#anonymous = anonymous
    this.#compressed = compressed
    this.values = new Map([['user', user], ['password', password]])
  }

  async step(step: Step): Promise<void> {
    const client = await this.#connection(step.who)
    if (step.kind === 'send') await this.#send(client, step)
    else if (step.kind === 'expect') for (let n = 0; n < step.times; n++) await this.#expect(client, step)
    else if (step.kind === 'vanish') client.close()
    else if (step.kind === 'compress') client.compressed ? client.decompress() : client.compress()
    else {
      const line = await client.line()
      if (line !== undefined) throw new Error(`line ${step.line}: the connection is still open and says: ${line}`)
    }
  }

  close(): void { for (const client of this.#connections.values()) client.close() }

  /** Waits for each piece to have left, so that what is written apart also travels apart. */
  async #send(client: LineClient, step: Step & { kind: 'send' }): Promise<void> {
    const bytes = bytesOf(step, this.values)
    if (step.mode !== 'bytewise') return client.send(bytes)
    for (const byte of bytes) await client.send(Uint8Array.of(byte))
  }

  async #expect(client: LineClient, step: Step & { kind: 'expect' }): Promise<void> {
    const pattern = patternOf(step.pattern, this.values)
    for (;;) {
      const raw = await client.line()
      const line = raw === undefined ? undefined : Buffer.from(raw, 'latin1').toString('utf8')
      const match = line === undefined ? null : pattern.exec(line)
      if (match !== null) {
        for (const [name, value] of Object.entries(match.groups ?? {})) this.values.set(name, value)
        return
      }
      if (!step.skip || line === undefined) throw new Error(`line ${step.line}: expected ${step.pattern}\n     but got ${line ?? 'the end of the connection'}`)
    }
  }

  async #connection(who: string): Promise<LineClient> {
    const known = this.#connections.get(who)
    if (known !== undefined) return known
    const lmtp = who.startsWith('lmtp')
    const client = await LineClient.connect(lmtp ? this.#server.lmtpPort : this.#server.imapPort)
    this.#connections.set(who, client)
    if (this.#anonymous) return client
    await client.line()
    if (lmtp) return client
    await client.command('login', `LOGIN ${this.values.get('user')} ${password}`)
    if (!this.#compressed) return client
    await client.command('compress', 'COMPRESS DEFLATE')
    client.compress()
    return client
  }
}

/** Whether connections of a transcript can be compressed by themselves: it says nothing of logging in or out, or compressing. */
export function canBeCompressed(file: string): boolean {
  const { anonymous, steps } = read(file)
  return !anonymous && file.startsWith('imap') && !steps.some((step) => step.kind === 'send' && / COMPRESS | UNAUTHENTICATE/.test(step.bytes))
}

const read = (file: string): Transcript => parseTranscript(fs.readFileSync(path.join(here, file), 'utf8'))

/** Plays one; rejects with what went differently, and where. `compressed`: over connections with COMPRESS. */
export async function playTranscript(server: TestServer, file: string, compressed = false): Promise<void> {
  const transcript = read(file)
  const play = new Play(server, userOf(file), transcript.anonymous, compressed)
  try {
    for (const step of transcript.steps) await play.step(step)
  } catch (error) {
    throw new Error(`${file} ${(error as Error).message}`)
  } finally {
    play.close()
  }
}
