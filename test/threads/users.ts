// What the tests of threads have in common: users by their home, clients that are logged in, mail that was acknowledged.

import { placeOf } from '../../runtime/placement.ts'
import { LmtpClient, letter } from '../fixtures/deliver.ts'
import { LineClient } from '../fixtures/line-client.ts'
import { password } from '../fixtures/server.ts'

/** User names whose home is worker `home` of `workers`. */
export function usersAt(home: number, workers: number, count: number): string[] {
  const names: string[] = []
  for (let n = 0; names.length < count; n++) if (placeOf(`user${n}@example.com`, workers) === home) names.push(`user${n}@example.com`)
  return names
}

/** A client that is logged in. Rejects if it cannot. */
export async function login(port: number, user: string): Promise<LineClient> {
  const client = await LineClient.connect(port)
  await client.line()
  const reply = await client.command('login', `LOGIN ${user} ${password}`)
  if (!reply.at(-1)!.startsWith('login OK')) throw new Error(reply.join('\n'))
  return client
}

/** Between attempts (ms), so that clients of a test do not take the processor from the server that is starting again. */
const pause = (): Promise<void> => new Promise((resolve) => { setTimeout(resolve, 10) })

/** Tries again until `attempt` succeeds; after 20 s its failure is ours. */
export async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  for (const started = performance.now(); ;) {
    try {
      return await attempt()
    } catch (error) {
      if (performance.now() - started > 20_000) throw error
      await pause()
    }
  }
}

/** Delivers letters to its users one after another, whatever happens to its connection, until it is stopped. */
export class Deliverer {
  /** Subjects that the server has taken charge of, by user. */
  readonly acknowledged = new Map<string, string[]>()
  readonly #port: number
  readonly #name: string
  readonly #users: string[]
  #stopping = false
  readonly #work: Promise<void>
  /** What the server said instead of 250, and ends of the connection. */
  readonly refusals: string[] = []

  constructor(port: number, name: string, users: string[]) {
    this.#port = port
    this.#name = name
    this.#users = users
    this.#work = this.#deliver()
  }

  get count(): number { return [...this.acknowledged.values()].reduce((sum, letters) => sum + letters.length, 0) }

  /** Settles when at least `more` further letters have been acknowledged. */
  async progress(more: number): Promise<void> {
    const until = this.count + more
    while (this.count < until) await pause()
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#work
  }

  async #deliver(): Promise<void> {
    let client: LmtpClient | undefined
    for (let n = 0; !this.#stopping; n++) {
      const user = this.#users[n % this.#users.length]!
      try {
        client ??= await LmtpClient.connect(this.#port)
        const [reply = ''] = await client.deliver([user], letter(`${this.#name}-${n}`))
        if (reply.startsWith('250 ')) this.acknowledged.set(user, [...this.acknowledged.get(user) ?? [], `letter ${this.#name}-${n}`])
        else {
          this.refusals.push(reply)
          await pause()
        }
      } catch (error) {
        this.refusals.push(String(error))
        client?.close()
        client = undefined
        await pause()
      }
    }
    client?.close()
  }
}

/** Subjects of all mails in a user's INBOX, as IMAP tells them. */
export async function subjects(port: number, user: string): Promise<string[]> {
  const client = await eventually(async () => {
    const client = await login(port, user)
    const reply = await client.command('a', 'EXAMINE INBOX')
    if (reply.at(-1)!.startsWith('a OK')) return client
    client.close()
    throw new Error(reply.join('\n'))
  })
  const lines = await client.command('b', 'FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]')
  client.close()
  return lines.flatMap((line) => /^Subject: (.*)/.exec(line)?.slice(1) ?? [])
}

/** Acknowledged letters that IMAP does not find; none should be. */
export async function lost(port: number, deliverers: Deliverer[]): Promise<string[]> {
  const missing: string[] = []
  for (const user of new Set(deliverers.flatMap(({ acknowledged }) => [...acknowledged.keys()]))) {
    const found = new Set(await subjects(port, user))
    for (const { acknowledged } of deliverers) missing.push(...(acknowledged.get(user) ?? []).filter((subject) => !found.has(subject)))
  }
  return missing
}
