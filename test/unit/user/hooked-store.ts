// A memory store of its own that counts what it is asked, and does what a test tells it to: fail, wait, lose.

import { randomUUID } from 'node:crypto'
import type { Body, ByteRange, ListOptions, ListPage, Metadata, ObjectReader, ObjectStat, ObjectStore, RequestContext, WriteCondition } from '../../../runtime/effects.ts'
import { buildStack } from '../../../workers/fs/stack.ts'

export type Operation = 'read' | 'write' | 'copy' | 'delete' | 'deleteMany' | 'list' | 'stat'

export class HookedStore implements ObjectStore {
  readonly #inner: ObjectStore = buildStack(`memory:${randomUUID()}`)
  readonly conditionalWrites: boolean = true
  /** Operation and key of every request, in order. */
  calls: string[] = []
  /** Runs before each operation; throwing makes it fail. */
  before: (operation: Operation, key: string) => void | Promise<void> = () => {}

  async #hook<T>(operation: Operation, key: string, run: () => Promise<T>): Promise<T> {
    this.calls.push(`${operation} ${key}`)
    await this.before(operation, key)
    return run()
  }

  /** Operations since the last call of this. */
  operations(): string[] { return this.calls.splice(0).map((call) => call.slice(0, call.indexOf(' '))) }

  async keys(prefix = ''): Promise<string[]> { return (await this.#inner.list(prefix, { user: 'test', reason: 'test' })).objects.map(({ key }) => key) }

  read(key: string, context: RequestContext, range?: ByteRange): Promise<ObjectReader> { return this.#hook('read', key, () => this.#inner.read(key, context, range)) }
  write(key: string, body: Body, context: RequestContext, options?: { metadata?: Metadata; condition?: WriteCondition }): Promise<{ etag: string }> {
    return this.#hook('write', key, () => this.#inner.write(key, body, context, options))
  }
  copy(from: string, to: string, context: RequestContext, metadata?: Metadata): Promise<void> { return this.#hook('copy', to, () => this.#inner.copy(from, to, context, metadata)) }
  delete(key: string, context: RequestContext): Promise<void> { return this.#hook('delete', key, () => this.#inner.delete(key, context)) }
  deleteMany(keys: string[], context: RequestContext): Promise<string[]> { return this.#hook('deleteMany', keys.join(), () => this.#inner.deleteMany(keys, context)) }
  list(prefix: string, context: RequestContext, options?: ListOptions): Promise<ListPage> { return this.#hook('list', prefix, () => this.#inner.list(prefix, context, options)) }
  stat(key: string, context: RequestContext): Promise<ObjectStat> { return this.#hook('stat', key, () => this.#inner.stat(key, context)) }
}
