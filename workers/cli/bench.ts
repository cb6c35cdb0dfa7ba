// `culver bench`: load on an IMAP server, with every answer compared with what it may be. Any server will do: it speaks nothing but IMAP.

import { parseArgs } from 'node:util'
import { ConfigError } from '../../runtime/errors.ts'
import { actions } from './bench/actions.ts'
import { runBench, usualOptions } from './bench/run.ts'
import { command } from './command.ts'

const usage = `bench [--host HOST] [--port PORT] [--user TEMPLATE] [--pass PASSWORD] …
  --user TEMPLATE     user name; %d in it becomes 1 … users (user%d). Their mailboxes INBOX and bench are written to!
  --pass PASSWORD     of every user (pass)
  --users N           (5)            --clients N         connections at once (20)
  --seconds N         (30)           --seed N            the same choices again, as far as the answers allow (1)
  --messages N        that a mailbox should have, about (50)
  --size BYTES        of the largest mails (30000)
  --mix NAME=WEIGHT,… how often: ${[...actions.keys()].join(', ')}
  --own-msgs          each message is changed by one client only: all its flags are checked, not only a keyword
  --qresync           ENABLE QRESYNC: VANISHED instead of EXPUNGE
  --no-pipelining     one command at a time
  --lmtp-port PORT    mails arrive there meanwhile, --lmtp-rate N a second (10)
  --stall SECONDS     without an answer (15)
  --stop-at-error     end at the first problem
Ends with a table (times in ms, object requests as the tagged replies tell them) and exit code 1 if there was an error, a stall,
an unasked disconnect or a lost mail.`

const options = {
  host: { type: 'string' }, port: { type: 'string' }, user: { type: 'string' }, pass: { type: 'string' }, users: { type: 'string' }, clients: { type: 'string' },
  seconds: { type: 'string' }, seed: { type: 'string' }, messages: { type: 'string' }, size: { type: 'string' }, mix: { type: 'string' },
  'own-msgs': { type: 'boolean' }, qresync: { type: 'boolean' }, 'no-pipelining': { type: 'boolean' },
  'lmtp-port': { type: 'string' }, 'lmtp-rate': { type: 'string' }, stall: { type: 'string' }, 'stop-at-error': { type: 'boolean' },
} as const

/** A number of the command line; throws ConfigError. */
function number(name: string, text: string | undefined, usual: number, least = 1): number {
  if (text === undefined) return usual
  const value = Number(text)
  if (!(value >= least)) throw new ConfigError(`bench --${name}: not a number of ${least} or more: '${text}'`)
  return value
}

const whole = (name: string, text: string | undefined, usual: number, least = 1): number => {
  const value = number(name, text, usual, least)
  if (!Number.isInteger(value)) throw new ConfigError(`bench --${name}: not a whole number: '${text}'`)
  return value
}

function mixOf(text: string | undefined): Map<string, number> {
  const mix = new Map<string, number>()
  for (const item of text?.split(',') ?? []) {
    const [name = '', weight] = item.split('=')
    if (!actions.has(name)) throw new ConfigError(`bench --mix: unknown '${name}' (known: ${[...actions.keys()].join(', ')})`)
    mix.set(name, number(`mix ${name}`, weight ?? '', 0, 0))
  }
  return mix
}

export default command({
  name: 'bench',
  summary: 'put load on an IMAP server and check its answers',
  usage,
  async run(args) {
    const { values } = parseArgs({ args, options })
    const usual = usualOptions
    const asked = {
      ...usual,
      host: values.host ?? usual.host, port: whole('port', values.port, usual.port), user: values.user ?? usual.user, password: values.pass ?? usual.password,
      users: whole('users', values.users, usual.users), clients: whole('clients', values.clients, usual.clients),
      seconds: number('seconds', values.seconds, usual.seconds), seed: whole('seed', values.seed, usual.seed, 0),
      messages: whole('messages', values.messages, usual.messages), mailBytes: whole('size', values.size, usual.mailBytes), mix: mixOf(values.mix),
      ownMessages: values['own-msgs'] === true, qresync: values.qresync === true, pipelining: values['no-pipelining'] !== true,
      stallMs: 1000 * number('stall', values.stall, usual.stallMs / 1000), stopAtError: values['stop-at-error'] === true,
      lmtp: { port: whole('lmtp-port', values['lmtp-port'], 0, 0), perSecond: number('lmtp-rate', values['lmtp-rate'], usual.lmtp.perSecond, 0.01) },
    }
    // More clients than users share mailboxes; more users than clients would leave some without one.
    const { statistics, seconds } = await runBench(asked)
    const { clients, users, seed } = asked
    console.log(`${clients} clients, ${users} users, ${seconds.toFixed(1)} s, seed ${seed}\n\n${statistics.report(seconds)}`)
    return statistics.bad ? 1 : 0
  },
})
