// The simulated users' mails: all of a mail follows from its number, so that what is read back can be compared byte by
// byte, and any mail can be recognised by its Message-ID.

import { Buffer } from 'node:buffer'
import { SimRandom } from '../../runtime/sim/random.ts'
import type { Summary } from '../../actors/mail/types.ts'

export interface Mail { id: number; bytes: Uint8Array; summary: Summary }

/** Mail number `id`: mostly small, now and then larger than what stays in memory while it arrives. */
export function mail(id: number): Mail {
  const dice = new SimRandom(id, 'mail')
  const fields = [
    `Date: Tue, 14 Nov 2023 22:${String(id % 60).padStart(2, '0')}:00 +0000`,
    `From: Sender ${dice.below(100)} <sender@example.org>`,
    `To: user@example.org`,
    `Subject: Mail number ${id}`,
    `Message-ID: <${id}@sim.example>`,
  ]
  const lines = dice.chance(0.02) ? dice.between(2000, 3000) : dice.below(30)
  const body = Array.from({ length: lines }, () => Buffer.from(dice.bytes(dice.between(1, 45))).toString('base64'))
  const header = Buffer.from(fields.map((field) => `${field}\r\n`).join(''))
  const bodyBytes = Buffer.from(body.map((line) => `${line}\r\n`).join(''))
  const bytes = Buffer.concat([header, Buffer.from('\r\n'), bodyBytes])
  const root = {
    type: 'text', subtype: 'plain', params: [], encoding: '7bit',
    headerOffset: 0, headerSize: header.length + 2, bodySize: bodyBytes.length, bodyLines: lines,
  }
  return { id, bytes, summary: { size: bytes.length, root, header, omitted: [] } }
}

/** The INTERNALDATE it is stored with, in seconds since 1970; every second mail leaves that to the server. */
export const internalDateOf = (id: number): number | undefined => (id % 2 === 0 ? 1_600_000_000 + 60 * id : undefined)

/** The number of the mail these bytes are, if they are one of ours in every byte. */
export function identify(bytes: Uint8Array): number | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 1000)).toString('latin1')
  const id = /^Message-ID: <(\d+)@sim\.example>\r$/m.exec(head)?.[1]
  if (id === undefined) return undefined
  return Buffer.compare(mail(Number(id)).bytes, bytes) === 0 ? Number(id) : undefined
}
