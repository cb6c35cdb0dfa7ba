// Generated LMTP conversations: whatever comes, in whatever pieces, the session answers or ends, logs no bug, leaves no spool file,
// and delivers only what was framed as a message.
//
//   node test/fuzz/lmtp.ts [--inputs 5000] [--seed 1]

import { parseArgs } from 'node:util'
import { SimRandom } from '../../runtime/sim/random.ts'
import { LmtpDouble } from '../unit/lmtp/double.ts'

const words = ['LHLO c', 'LHLO', 'lhlo  [::1]', 'MAIL FROM:<a@x>', 'MAIL FROM:<>', 'MAIL FROM:<a@x> SIZE=10 BODY=8BITMIME', 'MAIL FROM:<"a\\"b"@x>', 'MAIL FROM:a@x', 'MAIL', 'RCPT TO:<b@x>', 'RCPT TO:<b+detail@x>',
  'RCPT TO:<@r1,@r2:b@x>', 'RCPT TO:<b@[192.0.2.1]>', 'RCPT TO:<b@x> ORCPT=rfc822;b+2B@x', 'RCPT TO:<b@x> XRCPTFORWARD=YT1i', 'RCPT TO:<\xc3\xbc@x>', 'DATA', 'BDAT 5', 'BDAT 5 LAST', 'BDAT 0 LAST', 'BDAT 99999999999', 'BDAT -1',
  'RSET', 'NOOP x', 'VRFY b', 'XCLIENT ADDR=192.0.2.9 PORT=1', 'XCLIENT ADDR=[UNAVAILABLE] NAME=+41', 'FROB', '', 'STARTTLS', 'QUIT now', 'EHLO x', '\xff', 'MAIL FROM:<' + 'a'.repeat(5000) + '>', 'x'.repeat(10_000)]
const contents = ['Subject: x\r\n\r\nbody\r\n.\r\n', '.\r\n', '..\r\n.\r\n', 'a\n.\nb\r\n.\r\n', 'a\r.\rb\r\n.\r\n', 'no end', '\0\r\n.\r\n', 'hello', 'a: b\r\n\r\n.x\r\n.\r\n', 'x'.repeat(200_000) + '\r\n.\r\n']

function conversation(dice: SimRandom): string {
  let text = dice.below(4) === 0 ? '' : 'LHLO c\r\n'
  for (let i = 1 + dice.below(12); i > 0; i--) {
    const kind = dice.below(10)
    if (kind < 2) text += `MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\n${dice.pick(contents)}`
    else if (kind < 3) text += `MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nRCPT TO:<c@x>\r\nBDAT 5\r\nhelloBDAT 2 LAST\r\n\r\n`
    else if (kind < 4) text += dice.pick(contents)
    else text += dice.pick(words) + dice.pick(['\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', ''])
  }
  for (let i = dice.below(4); i > 1; i--) {
    const at = dice.below(text.length)
    text = text.slice(0, at) + String.fromCharCode(dice.below(256)) + text.slice(at + dice.below(3))
  }
  return text
}

async function one(seed: number): Promise<number> {
  const dice = new SimRandom(seed, 'lmtp')
  const ends: (() => void)[] = []
  const lmtp = new LmtpDouble({ teardown: (action) => ends.unshift(action) }, { seed: { trusted: dice.below(3) === 0 } })
  try {
    const text = Buffer.from(conversation(dice), 'latin1')
    const most = dice.pick([1, 20, 1000, 100_000])
    const step = Math.max(most, Math.ceil(text.length / 1000))
    for (let at = 0; at < text.length && lmtp.ended === 0;) {
      const length = 1 + dice.below(step)
      lmtp.send(text.subarray(at, at + length))
      at += length
    }
    if (dice.below(2) === 0) lmtp.session.end()
    else lmtp.session.hangup()
    await lmtp.until((lmtp) => lmtp.ended > 0)
    if (lmtp.ended !== 1) throw new Error(`ended ${lmtp.ended} times`)
    const strange = lmtp.lines.find((line) => !/^[2345]\d\d[ -]/.test(line))
    if (strange !== undefined) throw new Error(`said ${JSON.stringify(strange)}`)
    const bug = lmtp.world.log.find((event) => event.level === 'error')
    if (bug !== undefined) throw new Error(bug.text)
    // What was being delivered when the client left is delivered to its end.
    for (let i = 0; i < 100 && lmtp.spooled.length > 0; i++) await new Promise((resolve) => { setImmediate(resolve) })
    if (lmtp.spooled.length > 0) throw new Error(`left: ${lmtp.spooled.join(' ')}`)
    return text.length
  } finally {
    for (const end of ends) end()
  }
}

/** Throws at the first conversation that is not borne. How many bytes they had. */
export async function fuzzLmtp(inputs: number, seed: number): Promise<number> {
  let bytes = 0
  for (let n = seed; n < seed + inputs; n++) {
    try {
      bytes += await one(n)
    } catch (error) {
      throw new Error(`seed ${n}: ${error instanceof Error ? error.stack : String(error)}`)
    }
  }
  return bytes
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { inputs: { type: 'string', default: '5000' }, seed: { type: 'string', default: '1' } } })
  console.log(`${await fuzzLmtp(Number(values.inputs), Number(values.seed))} bytes in ${values.inputs} conversations: borne`)
}
