// An administrator's connection. Who can open the UNIX socket (its file mode says who) may do everything.
//
// Both ways one line of JSON each, UTF-8. A request is answered by its columns, rows and end, before the next one is looked at:
//
//   → {"command":"who","options":{},"args":["*@example.com"]}
//   ← {"columns":["username","#",…],"header":true}
//   ← {"row":["user@example.com","2",…]}
//   ← {"exit":0}          or {"exit":75,"error":"…"}, at any place

import { Buffer } from 'node:buffer'
import type { Description } from '../../../runtime/actor.ts'
import { Cancelled, TempFail, messageOf } from '../../../runtime/errors.ts'
import { limits } from '../../../runtime/limits.ts'
import type { Session, SessionFactory, SessionWorld } from '../types.ts'
import { AdminError, exitCode } from './command.ts'
import { all } from './commands/index.ts'
import { requestOf } from './request.ts'

const commands = new Map(all.map((command) => [command.name, command]))

/** A session for one administrator. */
export const adminSession: SessionFactory = (world) => new AdminMachine(world)

class AdminMachine implements Session {
  readonly #world: SessionWorld
  /** Bytes received and not carried out; the socket waits while there is a request to run. */
  #input = Buffer.alloc(0)
  #running = ''
  #complete = false
  #ended = false
  #stopped: (() => void)[] | undefined

  constructor(world: SessionWorld) { this.#world = world }

  start(): void {}

  input(bytes: Uint8Array): void {
    this.#input = Buffer.concat([this.#input, bytes])
    void this.#run()
  }

  end(): void {
    this.#complete = true
    void this.#run()
  }

  hangup(): void { this.#end() }

  stop(): Promise<void> {
    if (this.#ended) return Promise.resolve()
    const stopped = new Promise<void>((resolve) => { (this.#stopped ??= []).push(resolve) })
    void this.#run()
    return stopped
  }

  describe(): Description { return { kind: 'admin', name: this.#world.seed.id, detail: this.#running, values: {} } }

  async #run(): Promise<void> {
    if (this.#running !== '') return
    for (let line = this.#line(); line !== undefined; line = this.#line()) {
      this.#running = line
      this.#world.wire.pause()
      await this.#answer(line)
      this.#running = ''
      this.#world.wire.resume()
    }
    if (this.#input.length > limits.adminRequestBytes) {
      this.#write({ exit: exitCode.usage, error: 'Request too long' })
      this.#close()
    } else if (this.#complete || this.#stopped !== undefined) {
      this.#close()
    }
  }

  #line(): string | undefined {
    const end = this.#input.indexOf(0x0a)
    if (this.#ended || this.#stopped !== undefined || end < 0 || end > limits.adminRequestBytes) return undefined
    const line = this.#input.toString('utf8', 0, end)
    this.#input = this.#input.subarray(end + 1)
    return line
  }

  async #answer(line: string): Promise<void> {
    try {
      const { command, request } = requestOf(line, commands)
      this.#log(command.name, request.args)
      const { columns, header, keys, rows } = await command.run(request, this.#world)
      this.#write({ columns, header, ...(keys === undefined ? {} : { keys }) })
      let next = await rows.next()
      for (; next.done !== true; next = await rows.next()) {
        this.#write({ row: next.value })
        if (this.#world.wire.pending > limits.wireHighBytes) await this.#world.wire.drained()
      }
      this.#write({ exit: next.value ?? exitCode.ok })
    } catch (error) {
      if (error instanceof Cancelled) return
      const exit = error instanceof AdminError ? error.exit : error instanceof TempFail ? exitCode.temporary : exitCode.failure
      this.#write({ exit, error: messageOf(error) })
    }
  }

  #write(message: object): void {
    if (!this.#ended) this.#world.wire.write(Buffer.from(`${JSON.stringify(message)}\n`, 'utf8'))
  }

  /** Passwords are arguments too: only the name of what was done, and for whom where that is no secret. */
  #log(command: string, args: readonly string[]): void {
    const [first = ''] = command.startsWith('auth ') ? [] : args
    this.#world.effects.emit({
      level: 'info', name: 'admin.command', service: 'admin', session: this.#world.seed.id,
      text: `${command}${first === '' ? '' : ` ${first.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?')}`}`,
    })
  }

  #close(): void {
    if (this.#ended) return
    this.#world.wire.close()
    this.#end()
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#world.ended()
    for (const resolve of this.#stopped ?? []) resolve()
  }
}
