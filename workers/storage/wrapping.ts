// What wrappers have in common: every operation goes to the parent until the wrapper says otherwise.

import type { Body, ByteRange, ListOptions, ListPage, Metadata, ObjectReader, ObjectStat, RequestContext, WriteCondition } from '../../runtime/effects.ts'
import { ConfigError } from '../../runtime/errors.ts'
import type { OpenStore } from './driver.ts'

export type WriteOptions = { metadata?: Metadata; condition?: WriteCondition }
export type Operation = 'read' | 'write' | 'copy' | 'delete' | 'deleteMany' | 'list' | 'stat'

/** Hands everything on to `parent`. */
export class Wrapping implements OpenStore {
  protected readonly parent: OpenStore
  constructor(parent: OpenStore) { this.parent = parent }
  get conditionalWrites(): boolean { return this.parent.conditionalWrites }
  read(key: string, context: RequestContext, range?: ByteRange): Promise<ObjectReader> { return this.parent.read(key, context, range) }
  write(key: string, body: Body, context: RequestContext, options?: WriteOptions): Promise<{ etag: string }> { return this.parent.write(key, body, context, options) }
  copy(from: string, to: string, context: RequestContext, metadata?: Metadata): Promise<void> { return this.parent.copy(from, to, context, metadata) }
  delete(key: string, context: RequestContext): Promise<void> { return this.parent.delete(key, context) }
  deleteMany(keys: string[], context: RequestContext): Promise<string[]> { return this.parent.deleteMany(keys, context) }
  list(prefix: string, context: RequestContext, options?: ListOptions): Promise<ListPage> { return this.parent.list(prefix, context, options) }
  stat(key: string, context: RequestContext): Promise<ObjectStat> { return this.parent.stat(key, context) }
  close(): void { this.parent.close() }
}

/** Does something around every operation alike. `run` makes the parent's request when it is called. */
export abstract class Around extends Wrapping {
  protected abstract around<T>(operation: Operation, run: () => Promise<T>, context: RequestContext): Promise<T>
  override read(key: string, context: RequestContext, range?: ByteRange): Promise<ObjectReader> { return this.around('read', () => super.read(key, context, range), context) }
  override write(key: string, body: Body, context: RequestContext, options?: WriteOptions): Promise<{ etag: string }> { return this.around('write', () => super.write(key, body, context, options), context) }
  override copy(from: string, to: string, context: RequestContext, metadata?: Metadata): Promise<void> { return this.around('copy', () => super.copy(from, to, context, metadata), context) }
  override delete(key: string, context: RequestContext): Promise<void> { return this.around('delete', () => super.delete(key, context), context) }
  override deleteMany(keys: string[], context: RequestContext): Promise<string[]> { return this.around('deleteMany', () => super.deleteMany(keys, context), context) }
  override list(prefix: string, context: RequestContext, options?: ListOptions): Promise<ListPage> { return this.around('list', () => super.list(prefix, context, options), context) }
  override stat(key: string, context: RequestContext): Promise<ObjectStat> { return this.around('stat', () => super.stat(key, context), context) }
}

/** Cuts the first ':'-separated argument off; ConfigError where none is followed by a parent. */
export const argument = (wrapper: string, form: string, text: string): { value: string; rest: string } => {
  const colon = text.indexOf(':')
  if (colon < 0) throw new ConfigError(`${wrapper}: its form is ${form}`)
  return { value: text.slice(0, colon), rest: text.slice(colon + 1) }
}
