// SCRAM (RFC 5802 §5, §7): the client proves that it knows the password, the server that it knows what is kept of it; the
// password itself never crosses the wire. Passwords and names are taken as they are, without SASLprep, as in Dovecot.
//
//   n,a=AUTHZID,n=USER,r=NONCE  →  ← r=NONCE+OURS,s=SALT,i=ITERATIONS  →  c=BASE64(n,a=AUTHZID,),r=…,p=PROOF  →  ← v=SIGNATURE

import { Buffer } from 'node:buffer'
import { limits } from '../../../runtime/limits.ts'
import type { ScramHash, ScramSalt } from '../../auth-messages.ts'
import { mechanism, saslError, saslText } from './mechanism.ts'
import type { Mechanism, SaslExchange, SaslStep } from './mechanism.ts'

/** gs2-header "," username "," nonce; extensions may follow, mandatory ones (m=) are none of ours. */
const firstForm = /^((n|y|p=[A-Za-z0-9.-]+),(?:a=([^,]+))?,)(n=([^,]+),r=([!-+\--~]+)(?:,[A-Za-ln-z]=[^,]+)*)$/
const finalForm = /^(c=([A-Za-z0-9+/]+=*),r=([!-+\--~]+)(?:,[A-Za-z]=[^,]+)*),p=([A-Za-z0-9+/]+=*)$/
const longestNonce = 256

/** saslname: `=2C` and `=3D` for comma and equals sign. undefined: it is none. */
const nameOf = (text: string): string | undefined =>
  (/=(?!2C|3D)/.test(text) ? undefined : text.replace(/=2C/g, ',').replace(/=3D/g, '='))

class Scram implements SaslExchange {
  readonly #hash: ScramHash
  readonly #ours: string
  #asked = false
  #client: { username: string; authzid?: string; header: string; bare: string; nonce: string } | undefined
  #server: { text: string; salt: ScramSalt } | undefined

  constructor(hash: ScramHash, nonce: string) {
    this.#hash = hash
    this.#ours = nonce
  }

  next(response: Uint8Array | undefined): SaslStep {
    if (response === undefined && !this.#asked) {
      this.#asked = true
      return { kind: 'challenge', bytes: new Uint8Array(0) }
    }
    const text = saslText(response ?? new Uint8Array(0), limits.preLoginLineBytes)
    if (text === undefined) return saslError('SCRAM messages must be UTF-8 without NUL')
    return this.#client === undefined ? this.#first(text) : this.#final(text)
  }

  salted(salt: ScramSalt): SaslStep {
    const text = `r=${this.#client!.nonce}${this.#ours},s=${salt.salt},i=${salt.iterations}`
    this.#server = { text, salt }
    return { kind: 'challenge', bytes: Buffer.from(text) }
  }

  conclude(answer: Parameters<NonNullable<SaslExchange['conclude']>>[0]): Uint8Array | undefined {
    return 'signature' in answer && answer.signature !== undefined ? Buffer.from(`v=${answer.signature}`) : undefined
  }

  #first(text: string): SaslStep {
    const [, header, flag, asked, bare, name = '', nonce] = firstForm.exec(text) ?? []
    if (header === undefined || bare === undefined || nonce === undefined || nonce.length > longestNonce) return saslError('Invalid initial SCRAM message')
    if (flag!.startsWith('p')) return saslError('SCRAM with channel binding is not offered')
    const username = nameOf(name)
    const authzid = asked === undefined ? undefined : nameOf(asked)
    if (username === undefined || (asked !== undefined && authzid === undefined)) return saslError('Invalid name in the SCRAM message')
    if (Math.max(username.length, authzid?.length ?? 0) > limits.userNameBytes) return saslError('SCRAM user name is too long')
    const named = { username, ...(authzid === undefined || authzid === username ? {} : { authzid }) }
    this.#client = { ...named, header, bare, nonce }
    return { kind: 'salt', hash: this.#hash, ...named }
  }

  #final(text: string): SaslStep {
    const { username, authzid, header, bare, nonce } = this.#client!
    const [, withoutProof, binding = '', echoed, proof = ''] = finalForm.exec(text) ?? []
    if (withoutProof === undefined) return saslError('Invalid final SCRAM message')
    if (Buffer.from(binding, 'base64').toString() !== header) return saslError('Invalid channel binding data in the SCRAM message')
    if (echoed !== `${nonce}${this.#ours}`) return saslError('Wrong nonce in the SCRAM message')
    const { text: server, salt } = this.#server!
    return {
      kind: 'credentials', username, password: '', ...(authzid === undefined ? {} : { authzid }),
      proof: { hash: this.#hash, message: `${bare},${server},${withoutProof}`, proof, ...salt },
    }
  }
}

export const scramMechanism = (name: string, hash: ScramHash): Mechanism => mechanism({
  name,
  plaintext: false,
  start: (random) => new Scram(hash, Buffer.from(random.bytes(24)).toString('base64')),
})
