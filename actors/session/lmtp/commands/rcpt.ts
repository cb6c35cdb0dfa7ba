// RCPT TO: a recipient, looked up at once. RFC 5321 §4.1.1.3. Only a userdb that has answered makes a 550: anything that is
// away is a 451, and the mail waits at the MTA.

import { limits } from '../../../../runtime/limits.ts'
import { command } from '../command.ts'
import type { LmtpConnection, Transaction } from '../command.ts'
import { takeForwardList } from '../../hand-over.ts'
import type { ProxyTarget } from '../../../auth-messages.ts'
import type { Account } from '../../../user/types.ts'
import { decodeXtext, parsePath, splitDetail } from '../path.ts'
import type { Path, PathAndParams } from '../path.ts'
import { Relay } from '../relay.ts'
import { badCommand, oneLine, Refusal } from '../reply.ts'

interface Params {
  /** ORCPT (RFC 3461 §4.2): the address before aliases, for lmtp_hdr_delivery_address = original. */
  original?: string
  /** XRCPTFORWARD: a trusted proxy's fields for the passdb. */
  forward?: Record<string, string>
}

function readParams(params: PathAndParams['params'], trusted: boolean): Params {
  const read: Params = {}
  for (const [name, value] of params) {
    const address = name === 'ORCPT' ? /^rfc822;(.+)$/i.exec(value)?.[1] : undefined
    if (address !== undefined) read.original = oneLine(decodeXtext(address))
    else if (name !== 'XRCPTFORWARD' || !trusted) throw badCommand('555 5.5.4 Unsupported RCPT parameter')
    else if (!takeForwardList(read, decodeXtext(value))) throw badCommand('501 5.5.4 Invalid XRCPTFORWARD parameter')
  }
  return read
}

/** The recipient's account, or with lmtp_proxy the server that has it. Refusal: unknown, or nobody can tell now. */
async function lookup(user: string, address: string, { world }: LmtpConnection, forward: Params['forward']): Promise<Account | ProxyTarget> {
  const { id, remote, local } = world.seed
  const answer = await world.authenticate({
    kind: 'lookup', service: 'lmtp', username: user, session: id, remote, local, ...(forward === undefined ? {} : { forward }),
    ...(world.settings.lmtp_proxy ? { proxy: true } : {}),
  })
  if (answer.status === 'ok') return answer.account
  if (answer.status === 'proxy') return answer.to
  if (answer.status === 'unknown') throw new Refusal(`550 5.1.1 <${address}> User doesn't exist: ${user}`)
  throw new Refusal(`451 4.3.0 <${address}> Temporary user lookup failure`)
}

/** The recipient is another server's: it is asked at once, and its refusal is ours. */
async function relayed(path: Path, detail: string | undefined, to: ProxyTarget, transaction: Transaction, connection: LmtpConnection): Promise<void> {
  const key = Relay.keyOf(to)
  let relay = transaction.relays.get(key)
  if (relay === undefined) {
    relay = new Relay(connection, to, transaction.relays.size + 1)
    transaction.relays.set(key, relay)
    await relay.begin(transaction.from)
  }
  const address = to.renamed ? withDetail(to.user, detail, connection.world.settings.recipient_delimiter) : path.text
  await relay.add(address, to.forward)
  if (connection.transaction !== transaction) return
  transaction.recipients.push({ path, relay, address })
  connection.reply('250 2.1.5 OK')
}

/** `tim+lists@example.com` of `tim@example.com` and `lists`. */
function withDetail(user: string, detail: string | undefined, delimiters: string): string {
  const at = user.lastIndexOf('@') < 0 ? user.length : user.lastIndexOf('@')
  return detail === undefined ? user : `${user.slice(0, at)}${delimiters[0] ?? '+'}${detail}${user.slice(at)}`
}

export default command({
  name: 'RCPT',
  parse(text, { world }) {
    const { path, params } = parsePath(text, { keyword: 'TO', workarounds: world.settings.lmtp_client_workarounds })
    if (path.text === '') throw badCommand('501 5.5.4 Invalid TO: Empty address')
    return { path, ...readParams(params, world.seed.trusted) }
  },
  async run({ path, original, forward }, connection) {
    const { transaction } = connection
    if (transaction === undefined) throw new Refusal('503 5.5.1 MAIL needed first')
    if (transaction.intake !== undefined) throw new Refusal('503 5.5.1 RCPT not allowed after BDAT')
    if (transaction.recipients.length >= limits.lmtpRecipients) throw new Refusal('452 4.5.3 Too many recipients')
    const { user, detail } = splitDetail(path, connection.world.settings.recipient_delimiter)
    const account = await lookup(user, path.text, connection, forward)
    // The client may have gone meanwhile.
    if (connection.transaction !== transaction) return
    if ('host' in account) return relayed(path, detail, account, transaction, connection)
    transaction.recipients.push({
      path, account, ...(original === undefined ? {} : { original }), ...(detail === undefined ? {} : { detail }),
    })
    connection.reply('250 2.1.5 OK')
  },
})
