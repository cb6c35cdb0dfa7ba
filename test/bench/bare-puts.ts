// What a store can take: PUTs of one size by the HTTP library that the storage worker uses, signed as it signs them, with
// the metadata of a mail, and nothing else done. One connection for each of those that run at once.

import { createHash, randomBytes } from 'node:crypto'
import http from 'node:http'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { HttpRequest } from '@smithy/protocol-http'
import { Signer, encodePath } from '../../workers/storage/sigv4.ts'
import type { Radosgw } from '../real/radosgw.ts'

/** How a store is reached: its port may be that of a proxy. */
export type Reached = Pick<Radosgw, 'accessKey' | 'secretKey' | 'bucket'> & { port: number }

export class BarePuts {
  readonly #store: Reached
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: Infinity, scheduling: 'lifo' })
  readonly #http = new NodeHttpHandler({ httpAgent: this.#agent, requestTimeout: 0, socketTimeout: 0 })
  readonly #signer: Signer
  #count = 0

  constructor(store: Reached) {
    this.#store = store
    this.#signer = new Signer(store, 'us-east-1')
  }

  /** Writes `count` objects of `size` bytes, `parallel` at a time. */
  async put(count: number, parallel: number, size: number): Promise<void> {
    const body = randomBytes(size)
    const left = Array.from({ length: count }).values()
    await Promise.all(Array.from({ length: parallel }, async () => { for (const _ of left) await this.#one(body) }))
  }

  close(): void { this.#agent.destroy() }

  async #one(body: Uint8Array): Promise<void> {
    const { port, bucket } = this.#store
    const guid = randomBytes(16).toString('hex')
    const path = encodePath(`/${bucket}/bare/user${this.#count++ % 20}@example.com/mailboxes/${guid}/${guid}`)
    const seconds = String(Math.trunc(Date.now() / 1000))
    const headers = {
      'host': `127.0.0.1:${port}`, 'content-type': 'application/octet-stream', 'content-length': String(body.length),
      'content-md5': createHash('md5').update(body).digest('base64'),
      'x-amz-meta-dovecot-username': 'user@example.com', 'x-amz-meta-dovecot-guid': guid, 'x-amz-meta-dovecot-size': String(body.length),
      'x-amz-meta-dovecot-received': seconds, 'x-amz-meta-dovecot-saved': seconds, 'x-amz-meta-dovecot-origbox': guid,
    }
    const payloadHash = createHash('sha256').update(body).digest('hex')
    const signed = this.#signer.sign({ method: 'PUT', path, query: [], headers, payloadHash }, Date.now())
    const { response } = await this.#http.handle(new HttpRequest({ protocol: 'http:', hostname: '127.0.0.1', port, method: 'PUT', path, headers: { ...headers, ...signed }, body }))
    const answer = response.body as http.IncomingMessage
    answer.resume()
    if (response.statusCode !== 200) throw new Error(`PUT: ${response.statusCode}`)
  }
}
