// `culver bench` finds nothing against the real server, and every kind of lie of one that is not.

import t from 'tap'
import { runBench, usualOptions } from '../../workers/cli/bench/run.ts'
import type { BenchOptions } from '../../workers/cli/bench/run.ts'
import { figure } from '../bench/measure.ts'
import { startLiar } from '../fixtures/liar.ts'
import type { Lie } from '../fixtures/liar.ts'
import { TestServer, password } from '../fixtures/server.ts'

const server = await TestServer.start({ workers: 2 })
t.teardown(() => server.stop())

const options: BenchOptions = { ...usualOptions, port: server.imapPort, password, users: 3, clients: 12, messages: 20, seconds: 5 }

const modes: { name: string; options: Partial<BenchOptions> }[] = [
  { name: 'as usual, with mails arriving', options: { user: 'usual%d@example.com', lmtp: { port: server.lmtpPort, perSecond: 50 } } },
  { name: 'messages with owners, QRESYNC', options: { user: 'owner%d@example.com', ownMessages: true, qresync: true, lmtp: { port: server.lmtpPort, perSecond: 20 } } },
  { name: 'one command at a time', options: { user: 'single%d@example.com', pipelining: false } },
]

for (const mode of modes) {
  void t.test(`nothing to find: ${mode.name}`, async (t) => {
    const { statistics, seconds } = await runBench({ ...options, ...mode.options })
    t.notOk(statistics.bad, statistics.report(seconds))
    for (const name of ['LOGIN', 'SELECT', 'UID FETCH', 'FETCH BODY[]', 'STORE', 'APPEND', 'SEARCH', 'IDLE', 'STATUS']) {
      t.ok(statistics.commands(name) > 0, `${name} was said`)
    }
    if (mode.options.lmtp !== undefined) t.ok(statistics.delivered > 0, 'mails arrived')
    const all = statistics.report(seconds).split('\n').find((line) => line.startsWith('all '))!
    figure(t, `bench, ${mode.name}: ${all.split(/ +/)[1]} commands in ${seconds.toFixed(0)} s, 0 errors`)
  })
}

/** Changes the `nth` line that matches. */
function once(pattern: RegExp, change: (line: string) => string | undefined, nth = 1): () => Lie {
  return () => {
    let seen = 0
    return (line) => (pattern.test(line) && ++seen === nth ? change(line) : line)
  }
}

/** Of all lines that match, from the `nth` on. */
function always(pattern: RegExp, change: (line: string) => string | undefined, nth = 1): () => Lie {
  return () => {
    let seen = 0
    return (line) => (pattern.test(line) && ++seen >= nth ? change(line) : line)
  }
}

const lies: { name: string; lie: () => Lie; finds: RegExp; options?: Partial<BenchOptions> }[] = [
  { name: 'EXPUNGE while numbers are in use', lie: once(/^\* \d+ FETCH \(UID \d+ RFC822/, (line) => `* 1 EXPUNGE\r\n${line}`), finds: /EXPUNGE during/ },
  { name: 'an EXPUNGE of nothing', lie: once(/^t\d+ OK NOOP/, (line) => `* 9999 EXPUNGE\r\n${line}`), finds: /EXPUNGE 9999 of/, options: { mix: new Map([['noop', 100]]) } },
  { name: 'EXISTS that shrinks', lie: once(/^\* [1-9]\d* EXISTS/, (line) => `${line}* 0 EXISTS\r\n`), finds: /without an EXPUNGE/ },
  { name: 'another UID for a message', lie: always(/^\* \d+ FETCH \(UID \d+ RFC822/, (line) => line.replace(/UID (\d+)/, (_, uid) => `UID ${Number(uid) + 1000}`)), finds: /had UID \d+, has|UIDNEXT \d+, but|a new message has UID \d+, but UIDNEXT has been/ },
  { name: 'a changed text', lie: always(/^[a-z]+( [a-z]+){7}\r\n$/, (line) => line.replace(/[a-z]/, 'X')), finds: /not what its header promises/ },
  { name: 'a size that differs', lie: always(/RFC822\.SIZE \d+/, (line) => line.replace(/SIZE (\d+)/, (_, size) => `SIZE ${Number(size) + Math.floor(performance.now())}`)), finds: /had the size/ },
  { name: 'a UID given out twice', lie: always(/APPENDUID/, (line) => line.replace(/APPENDUID (\d+) (\d+)/, 'APPENDUID $1 1'), 3), finds: /a new message has UID 1,/ },
  { name: 'UIDNEXT that sinks', lie: always(/^\* STATUS/, (line) => line.replace(/UIDNEXT \d+/, 'UIDNEXT 1')), finds: /UIDNEXT 1,/ },
  { name: 'HIGHESTMODSEQ that sinks', lie: always(/^\* STATUS/, (line) => line.replace(/HIGHESTMODSEQ \d+/, 'HIGHESTMODSEQ 0')), finds: /HIGHESTMODSEQ 0,/ },
  { name: 'another UIDVALIDITY', lie: always(/^\* STATUS/, (line) => line.replace(/UIDVALIDITY \d+/, 'UIDVALIDITY 7')), finds: /UIDVALIDITY was \d+, is 7/ },
  { name: 'a flag that was not stored', lie: always(/FLAGS \(.*\$bench\d+.*\) MODSEQ|FLAGS \(.*\$bench\d+/, (line) => line.replace(/ ?\$bench\d+/g, '')), finds: /of this client alone|had the flags|SEARCH KEYWORD/ },
  { name: 'a search that misses', lie: always(/^\* SEARCH \d/, () => '* SEARCH\r\n'), finds: /missed UID/ },
  { name: 'VANISHED of what was not there', lie: once(/^t\d+ OK NOOP/, (line) => `* VANISHED 1000000\r\n${line}`), finds: /VANISHED 1000000/, options: { qresync: true, mix: new Map([['noop', 100]]) } },
  { name: 'a refusal', lie: once(/^t\d+ OK Store/, (line) => line.replace('OK', 'NO')), finds: /: NO Store/ },
  { name: 'silence', lie: always(/^t\d+ OK (\[.*\] )?Store|^t\d+ OK NOOP/, () => ''), finds: /nothing for 1.5 s/, options: { stallMs: 1500 } },
  { name: 'an end not asked for', lie: always(/^t\d+ OK NOOP/, () => undefined, 2), finds: /the connection ended while waiting for/, options: { mix: new Map([['noop', 100]]) } },
  { name: 'mail that is not there', lie: () => { let wrong = false; return (line) => { wrong ||= /EXISTS/.test(line); return wrong && /EXISTS/.test(line) ? '* 0 EXISTS\r\n' : line } }, finds: /FETCH of|without an EXPUNGE|UID \d+ \(/ },
]

void t.test('every lie is found', { timeout: 100_000 }, async (t) => {
  for (const [i, { name, lie, finds, options: more }] of lies.entries()) {
    const liar = await startLiar(server.imapPort, lie)
    const { statistics, seconds } = await runBench({
      ...options, user: `lie${i}-%d@example.com`, users: 1, clients: 3, messages: 10, seconds: 10, stopAtError: true, ...more, port: liar.port,
    })
    liar.close()
    t.match(statistics.problems.map(({ text }) => text).join('\n'), finds, `${name}: ${statistics.problems[0]?.text ?? 'not found'}`)
    if (!statistics.bad) t.comment(statistics.report(seconds))
  }
})
