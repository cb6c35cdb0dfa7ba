// A message that has arrived → its recipients, and what each of them is answered. RFC 2033 §4.2, RFC 3463.
//
// One body for all: each recipient gets a few header lines of its own in front of the same parts. Nothing is answered 5xx
// because something is away; a refusal that is about the mailbox's state now is 4xx too, so that no mail bounces for a
// mistake of ours.

import { Buffer } from 'node:buffer'
import { expand, userVariables } from '../../../conf/expand.ts'
import type { Settings } from '../../../conf/settings.ts'
import { Cancelled, LimitExceeded, messageOf, TempFail } from '../../../runtime/errors.ts'
import { limits } from '../../../runtime/limits.ts'
import { inParallel } from '../../../runtime/parallel.ts'
import { formatDate } from '../../mail/date.ts'
import { firstValues } from '../../mail/headers.ts'
import { prependHeader } from '../../mail/summary.ts'
import { MailError } from '../../user/errors.ts'
import type { Delivery } from '../../user/types.ts'
import type { MessageIntake, ReceivedMessage } from '../message-intake.ts'
import type { LmtpConnection, LocalRecipient, RelayedRecipient, Transaction } from './command.ts'
import type { Relay } from './relay.ts'
import { oneLine } from './reply.ts'

/** One copy on its way to one recipient. */
interface Copy { recipient: LocalRecipient; transaction: Transaction; message: ReceivedMessage; connection: LmtpConnection; id: string }

/** The header lines of one recipient's copy, each ending in CRLF. */
function headerFor(recipient: LocalRecipient, { from }: Transaction, connection: LmtpConnection, id: string): Uint8Array {
  const { settings, seed, effects } = connection.world
  const { helo = connection.helo, protocol = 'LMTP' } = connection.proxied
  const lines = [`Return-Path: <${from.text}>`]
  const to = settings.lmtp_hdr_delivery_address === 'original' ? recipient.original ?? recipient.path.text : recipient.path.text
  if (settings.lmtp_hdr_delivery_address !== 'none') lines.push(`Delivered-To: ${to}`)
  if (settings.lmtp_add_received_header) {
    const date = formatDate({ unixSeconds: Math.floor(effects.clock.now() / 1000), zoneMinutes: 0 })
    lines.push(
      `Received: from ${helo} ([${seed.remote.ip}])`,
      `\tby ${connection.hostname} with ${protocol}`,
      `\tid ${id}`,
      `\t(envelope-from <${from.text}>)`,
      `\tfor <${recipient.path.text}>; ${date}`,
    )
  }
  return Buffer.from(lines.map((line) => `${line}\r\n`).join(''), 'utf8')
}

function deliveryFor({ recipient, transaction, message, connection, id }: Copy): Delivery {
  const header = headerFor(recipient, transaction, connection, id)
  return {
    draft: {
      body: { size: header.length + message.body.size, parts: [header, ...message.body.parts] },
      summary: prependHeader(message.summary, header),
      flags: { system: 0, keywords: [] },
    },
    from: transaction.from.text,
    to: recipient.path.text,
    ...(recipient.detail === undefined ? {} : { detail: recipient.detail }),
    session: id,
  }
}

/** The status of a delivery that failed, without the recipient: `552 5.2.2`, and its text. */
function refusalOf(error: unknown, settings: Settings): { code: string; text: string } {
  if (error instanceof MailError) {
    if (error.code === 'OVERQUOTA') return { code: settings.quota_full_tempfail ? '452 4.2.2' : '552 5.2.2', text: oneLine(error.message) }
    if (error.code === 'TOOBIG') return { code: '552 5.2.3', text: oneLine(error.message) }
    return { code: '451 4.2.0', text: oneLine(error.message) }
  }
  const detail = settings.lmtp_verbose_replies && error instanceof TempFail ? `: ${oneLine(error.message)}` : ''
  return { code: '451 4.3.0', text: `Temporary internal error${detail}` }
}

/** A header field's value as a line of the log has it. */
const logged = (value = ''): string => oneLine(Buffer.from(value, 'latin1').toString('utf8')).slice(0, 200)

/** deliver_log_format filled in: `msgid=<…>: saved mail to INBOX`. */
function logText({ recipient, transaction, message, connection, id }: Copy, outcome: string, tookMs: number): string {
  const [found, subject = '', sender = ''] = firstValues(message.summary.header, ['message-id', 'subject', 'from']).map(logged)
  const messageId = found || 'unspecified'
  const size = String(message.body.size)
  try {
    return expand(connection.world.settings.deliver_log_format, {
      ...userVariables({ user: recipient.account.user, service: 'lmtp', session: id }),
      '$': outcome, m: messageId, msgid: messageId, s: subject, subject, f: sender, from: sender,
      e: transaction.from.text, from_envelope: transaction.from.text, to_envelope: recipient.path.text,
      p: size, size, w: size, vsize: size, delivery_time: String(Math.round(tookMs)), session_time: '', storage_id: '',
    })
  } catch {
    // A misspelt variable must not turn a saved mail into an error.
    return `msgid=${messageId}: ${outcome}`
  }
}

function logDelivery(copy: Copy, outcome: string, tookMs: number, failed: boolean): void {
  copy.connection.world.effects.emit({
    level: failed ? 'error' : 'info', name: failed ? 'lmtp.failed' : 'lmtp.saved', service: 'lmtp',
    user: copy.recipient.account.user, session: copy.id, text: logText(copy, outcome, tookMs),
    values: { bytes: copy.message.body.size, ms: tookMs },
  })
}

/** Delivers one copy. The whole reply. Never rejects. */
async function deliverOne(copy: Copy): Promise<string> {
  const { recipient, connection: { world }, id } = copy
  const to = `<${recipient.path.text}>`
  const begun = world.effects.clock.monotonic()
  const took = (): number => world.effects.clock.monotonic() - begun
  let mailbox: string
  try {
    mailbox = (await world.deliver(recipient.account, deliveryFor(copy))).mailbox
  } catch (error) {
    const { code, text } = refusalOf(error, world.settings)
    const known = error instanceof MailError || error instanceof TempFail || error instanceof LimitExceeded || error instanceof Cancelled
    const why = known || !(error instanceof Error) ? messageOf(error) : error.stack ?? error.message
    logDelivery(copy, `save failed: ${why}`, took(), !(error instanceof MailError))
    return `${code} ${to} ${text}`
  }
  logDelivery(copy, `saved mail to ${oneLine(mailbox)}`, took(), false)
  return `250 2.0.0 ${to} ${id} Saved`
}

/** Why a message did not arrive whole, as a reply to each recipient. */
function intakeRefusal(error: unknown, connection: LmtpConnection): { code: string; text: string } {
  return error instanceof LimitExceeded
    ? { code: '552 5.3.4', text: 'Message size exceeds fixed limit' }
    : refusalOf(error, connection.world.settings)
}

export interface DeliveryOptions {
  /** Gives each delivery its id: the session's and a number. */
  nextId(): string
  /** Asked once the message is whole: a client that is gone by then gets nothing delivered, since it will try again. */
  stillThere(): boolean
}

/**
 * Delivers what `intake` has received to all recipients of the transaction, some at a time, and passes it on to the servers of
 * others. Answers one reply for each, in the order of RCPT. The spool file is gone when this settles.
 */
export async function deliver(intake: MessageIntake, transaction: Transaction, connection: LmtpConnection, options: DeliveryOptions): Promise<string[]> {
  let message: ReceivedMessage | undefined
  try {
    message = await intake.finish()
    return options.stillThere() ? await deliverAll(message, transaction, connection, options) : []
  } catch (error) {
    if (message !== undefined) throw error
    const { code, text } = intakeRefusal(error, connection)
    return transaction.recipients.map(({ path }) => `${code} <${path.text}> ${text}`)
  } finally {
    for (const relay of transaction.relays.values()) relay.close()
    await message?.release()
  }
}

async function deliverAll(message: ReceivedMessage, transaction: Transaction, connection: LmtpConnection, { nextId }: DeliveryOptions): Promise<string[]> {
  const replies: string[] = []
  const relayed = new Map<Relay, { n: number; recipient: RelayedRecipient }[]>()
  const local: { n: number; recipient: LocalRecipient; id: string }[] = []
  for (const [n, recipient] of transaction.recipients.entries()) {
    if ('account' in recipient) local.push({ n, recipient, id: nextId() })
    else relayed.set(recipient.relay, [...relayed.get(recipient.relay) ?? [], { n, recipient }])
  }
  const saving = inParallel(local, limits.lmtpParallelDeliveries, async ({ n, recipient, id }) => {
    replies[n] = await deliverOne({ recipient, transaction, message, connection, id })
  })
  const passOn = async ([relay, recipients]: [Relay, { n: number; recipient: RelayedRecipient }[]]): Promise<void> => {
    const answers = await relay.send(message.body, nextId(), recipients.map(({ recipient }) => recipient.address))
    for (const [at, { n }] of recipients.entries()) replies[n] = answers[at]!
  }
  await Promise.all([saving, ...[...relayed].map(passOn)])
  return replies
}
