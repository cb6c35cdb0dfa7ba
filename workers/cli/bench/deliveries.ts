// Mails that arrive by LMTP while clients run. RFC 2033. What the server has taken charge of must be found at the end.

import { makeMail } from './mails.ts'
import type { Random } from './random.ts'
import { textOf } from './response.ts'
import type { Statistics } from './statistics.ts'
import { Wire } from './wire.ts'

export interface Deliveries {
  readonly host: string
  readonly port: number
  readonly perSecond: number
  readonly stallMs: number
  readonly mailBytes: number
  readonly users: readonly string[]
  readonly random: Random
  readonly statistics: Statistics
  over(): boolean
  /** The server has answered 250. */
  accepted(user: string, id: string): void
}

/** One connection, one mail after another, until it is over. */
export async function deliver(work: Deliveries): Promise<void> {
  let wire: Wire | undefined
  try {
    wire = await Wire.connect(work.host, work.port)
    const ask = async (line: string | Buffer, wanted: string): Promise<string> => {
      if (line.length > 0) wire!.send(line)
      for (;;) {
        const response = await wire!.next(work.stallMs)
        if (typeof response === 'string') throw new Error(`LMTP: ${response} after ${line.toString('latin1').slice(0, 60)}`)
        const text = textOf(response)
        if (!text.startsWith(wanted)) throw new Error(`LMTP: ${text} after ${line.toString('latin1').slice(0, 60)}`)
        if (text[3] !== '-') return text
      }
    }
    await ask('', '220')
    await ask('LHLO bench.example.org\r\n', '250')
    const started = performance.now()
    for (let n = 1; !work.over(); n++) {
      const user = work.random.of(work.users)!
      const mail = makeMail(`l${process.pid}-${n}`, work.random, work.mailBytes)
      const begun = performance.now()
      await ask('MAIL FROM:<load@example.org>\r\n', '250')
      await ask(`RCPT TO:<${user}>\r\n`, '250')
      await ask('DATA\r\n', '354')
      await ask(Buffer.concat([mail.text, Buffer.from('.\r\n')]), '250')
      work.statistics.add('LMTP mail', performance.now() - begun, 0, false)
      work.statistics.delivered++
      work.accepted(user, mail.id)
      const early = started + (n * 1000) / work.perSecond - performance.now()
      if (early > 0) await new Promise((resolve) => { setTimeout(resolve, Math.min(early, 1000)) })
    }
    await ask('QUIT\r\n', '221')
  } catch (error) {
    work.statistics.problem('error', error instanceof Error ? error.message : String(error), wire?.said ?? [])
  } finally {
    wire?.close()
  }
}
