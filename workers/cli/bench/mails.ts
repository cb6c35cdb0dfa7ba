// Mails that prove themselves: the field X-Bench names a mail and the checksum of its body, so that any client can tell whether
// what it is given is what someone has once put in, whoever that was.

import { createHash } from 'node:crypto'
import type { Random } from './random.ts'

export interface Mail { readonly id: string; readonly text: Buffer }

const words = ['dove', 'letter', 'wing', 'cote', 'grain', 'ringed', 'homing', 'stock', 'turtle', 'rock', 'wood', 'collared']

const checksum = (body: Buffer): string => createHash('sha256').update(body).digest('hex').slice(0, 24)

/** A mail named `id` with a body of about 100 to `maxBytes` bytes, small ones more often. */
export function makeMail(id: string, random: Random, maxBytes: number): Mail {
  const wanted = 100 + Math.floor(random.next() ** 4 * Math.max(0, maxBytes - 100))
  const lines: string[] = []
  for (let bytes = 0; bytes < wanted;) {
    const line = Array.from({ length: 8 }, () => random.of(words)).join(' ')
    lines.push(line)
    bytes += line.length + 2
  }
  const body = Buffer.from(`${lines.join('\r\n')}\r\n`)
  const head = [
    `X-Bench: ${id} ${checksum(body)}`, 'From: Load <load@example.org>', 'To: Bench <bench@example.com>', `Subject: ${words[random.below(words.length)]} ${id}`,
    `Message-ID: <${id}@bench.example.org>`, 'Date: Mon, 23 Nov 2026 10:00:00 +0000', '', '',
  ].join('\r\n')
  return { id, text: Buffer.concat([Buffer.from(head), body]) }
}

/** What a header (or the field alone) says: `id checksum`. Undefined: not one of ours. */
export const claimOf = (header: string): { id: string; checksum: string } | undefined => {
  const [, id, sum] = /^X-Bench: (\S+) ([0-9a-f]{24})\r$/m.exec(header) ?? []
  return id === undefined ? undefined : { id, checksum: sum! }
}

/** The id of a whole mail whose body is what its header says; 'broken' where it is not, undefined where it is not one of ours. */
export function proven(mail: Buffer): string | 'broken' | undefined {
  const end = mail.indexOf('\r\n\r\n')
  const claim = claimOf(mail.toString('latin1', 0, end < 0 ? mail.length : end + 2))
  if (claim === undefined) return undefined
  return end >= 0 && checksum(mail.subarray(end + 4)) === claim.checksum ? claim.id : 'broken'
}
