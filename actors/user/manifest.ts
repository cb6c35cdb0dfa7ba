// Whose a user is. One small object, `…/idx/manifest`, holds the root (mailbox list, subscriptions …) and says in its
// metadata which backend owns the user, in which epoch. It is replaced only on the condition that it is still what the
// writer last saw (If-Match, If-None-Match: *), so that of two backends one succeeds and the other learns that it has not.
//
// - A backend whose local copy is the owner's, as the manifest is the one it wrote last, asks nothing more of the store.
// - Another takes the user: it writes the manifest with an owner of its own and the next epoch, and only then reads
//   bundles and lists objects. What a former owner has had in the store before is found by that.
// - The former owner learns at its next write, or where it confirms an upload, that it has lost the user.
// - `clean`: nothing is anywhere but in the manifest and the bundles it names. Whoever writes anything into the store
//   makes it unclean first.

import { concatBytes } from '../mail/byte-strings.ts'
import type { ObjectStore, RequestContext } from '../../runtime/effects.ts'
import { ObjectNotFound } from '../../runtime/errors.ts'
import { decodeRoot, encodeRoot } from './root-state.ts'
import type { RootState } from './root-state.ts'

/** What can be known of a manifest without its body. `tag` changes with every write. */
export interface ManifestFacts { tag: string; epoch: number; owner: string; write: string }

/** A manifest as read; `state` undefined: its body is damaged. */
export interface FoundManifest extends ManifestFacts { state: RootState | undefined }

export class Manifest {
  readonly #store: ObjectStore
  readonly #key: string
  readonly #username: string

  /** `prefix` ends in `idx/`. */
  constructor(store: ObjectStore, prefix: string, username: string) {
    this.#store = store
    this.#key = `${prefix}manifest`
    this.#username = username
  }

  /** One HEAD. undefined: there is none. */
  async facts(context: RequestContext): Promise<ManifestFacts | undefined> {
    try {
      const { etag, metadata } = await this.#store.stat(this.#key, context)
      return factsOf(etag, metadata)
    } catch (error) {
      if (error instanceof ObjectNotFound) return undefined
      throw error
    }
  }

  /** One GET. undefined: there is none. */
  async read(context: RequestContext): Promise<FoundManifest | undefined> {
    try {
      const { etag, metadata, body } = await this.#store.read(this.#key, context)
      const chunks: Uint8Array[] = []
      for await (const chunk of body) chunks.push(chunk)
      const facts = factsOf(etag, metadata)
      const state = decodeRoot(concatBytes(chunks))?.state
      // A store that was copied without its metadata.
      if (state !== undefined && facts.owner === '') Object.assign(facts, { epoch: state.epoch, owner: state.owner, write: state.write })
      return { ...facts, state }
    } catch (error) {
      if (error instanceof ObjectNotFound) return undefined
      throw error
    }
  }

  /** Writes it if it still is the one of this tag ('': if there is none). Answers its new tag. ConditionFailed: it is not. */
  async write(context: RequestContext, state: RootState, tag: string): Promise<string> {
    const bytes = encodeRoot(published(state), 0)
    const metadata = { username: this.#username, epoch: String(state.epoch), owner: state.owner, write: state.write }
    const condition = tag === '' ? { ifAbsent: true } as const : { ifMatch: tag }
    const { etag } = await this.#store.write(this.#key, { size: bytes.length, parts: [bytes] }, context, { metadata, condition })
    return etag
  }
}

const factsOf = (tag: string, metadata: Record<string, string>): ManifestFacts =>
  ({ tag, epoch: Number(metadata['epoch'] ?? 0) || 0, owner: metadata['owner'] ?? '', write: metadata['write'] ?? '' })

/** Without what only this machine can use. */
function published(state: RootState): RootState {
  const copy = state.clone()
  copy.statuses.clear()
  copy.built.clear()
  copy.bundles.clear()
  copy.tag = ''
  copy.unsaved = 0
  copy.pending = []
  return copy
}
