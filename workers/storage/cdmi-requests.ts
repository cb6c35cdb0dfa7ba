// How CDMI is spoken to: CDMI 1.0.2 (ISO/IEC 17826:2012) over HTTP. What a refusal means.
//
// Rules: CDMI has no error codes but HTTP's, so a 404 may come from anything on the way; whoever believes one asks first
// whether the container of the URL is there (workers/fs/scality.ts). 409 is a lock or a state, and passes.

import { Buffer } from 'node:buffer'
import { ObjectNotFound } from '../../runtime/errors.ts'
import type { Answer } from './http.ts'
import type { HttpParameters } from './http-url.ts'
import { endpointOf, loggedText } from './http-requests.ts'
import type { Dialect, Endpoint, Refusal, StoreRequest } from './http-requests.ts'

export interface CdmiRequest extends StoreRequest {
  /** A 404, or a 409, may mean that containers above it are missing: they are made, and the request is made again. */
  mayLackParents?: boolean
  /** Makes a container: 409 means that it is there. */
  makesContainer?: boolean
}

/** A container above what was to be written does not exist. */
export class ParentsMissing extends Error { override readonly name = 'ParentsMissing' }

/** A container that was to be made is there already. */
export class ContainerExists extends Error { override readonly name = 'ContainerExists' }

export const version = { 'x-cdmi-specification-version': '1.0.2' }
export const objectType = 'application/cdmi-object'
export const containerType = 'application/cdmi-container'

export class CdmiDialect implements Dialect {
  readonly #parameters: HttpParameters

  constructor(parameters: HttpParameters) { this.#parameters = parameters }

  sign(): Record<string, string> {
    const { username, password } = this.#parameters
    return username === '' ? {} : { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` }
  }

  refused(request: CdmiRequest, answer: Answer, endpoint: Endpoint): Promise<Refusal> {
    const { status, headers } = answer
    answer.discard()
    const refusal: Refusal = { status, text: `HTTP ${status}${loggedText(this.#parameters.loggedHeaders, headers)}`, retryAfter: headers['retry-after'] }
    if ([301, 302, 307, 308].includes(status)) {
      const moved = endpointOf(headers.location, endpoint)
      // "There is a container of that name": no object.
      if (moved?.path === `${request.path}/`) refusal.failure = new ObjectNotFound(request.key ?? '')
      else if (moved) refusal.moved = { ...moved, stay: false }
    } else if (request.mayLackParents && (status === 404 || status === 409)) refusal.failure = new ParentsMissing(`HTTP ${status}`)
    else if (request.makesContainer && status === 409) refusal.failure = new ContainerExists()
    else if (request.makesContainer && status === 404) refusal.failure = new ParentsMissing('HTTP 404')
    else if (status === 409) refusal.passing = true
    else if (status === 404 && request.method !== 'PUT') refusal.failure = new ObjectNotFound(request.key ?? '')
    else if (status === 416) refusal.failure = new ObjectNotFound(`${request.key ?? ''} (the range is behind its end)`)
    return Promise.resolve(refusal)
  }
}
