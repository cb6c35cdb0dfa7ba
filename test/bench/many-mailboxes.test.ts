// A user with 1,000 mailboxes: STATUS of each, LIST with STATUS, GETQUOTA and NOTIFY SET STATUS cost no object request, after a
// restart neither, and no more for each mailbox than where there are few. Ratios within one run.

import { performance } from 'node:perf_hooks'
import t from 'tap'
import type { UserActor } from '../../actors/user/user.ts'
import { ImapClient } from '../fixtures/imap-session.ts'
import type { SmallWorld } from '../fixtures/small-world.ts'
import { context, draft, newWorld, open, settingsOf } from '../unit/user/fixture.ts'
import { figure } from './measure.ts'

const many = 1000
const few = 100
const quota = { plugin: { quota: 'count:User quota', quota_rule: '*:storage=1G:messages=1000000' }, mail_plugins: ['quota', 'imap_quota'] }
const settings = { ...quota, metacache_bg_root_uploads: true, metacache_delay_uploads: true }

async function login(user: UserActor, { effects }: SmallWorld): Promise<ImapClient> {
  const client = new ImapClient({ user, effects, settings: settingsOf({ ...settings, auth_mechanisms: ['plain', 'login'] }) })
  await client.login()
  return client
}

/** How long `one` takes against `other`, the quickest of many tries of each in turn: what disturbs them is others' doing. */
async function ratioOf(one: () => Promise<unknown>, other: () => Promise<unknown>): Promise<number> {
  const best = [Infinity, Infinity]
  for (let n = 0; n < 24; n++) {
    const began = performance.now()
    await (n % 2 === 0 ? one : other)()
    best[n % 2] = Math.min(best[n % 2]!, performance.now() - began)
  }
  return best[0]! / best[1]!
}

/** A user with so many mailboxes, a mail in every tenth, that has been closed; and how long creating the first and the last of them took. */
async function userWith(count: number, world: SmallWorld): Promise<{ first: number; last: number }> {
  const user = await open(world, settings)
  const create = async (from: number, to: number): Promise<number> => {
    const began = performance.now()
    for (let n = from; n < to; n++) await user.create(context, `box/${n}`)
    return performance.now() - began
  }
  const first = await create(0, few)
  await create(few, count - few)
  const last = await create(Math.max(few, count - few), count)
  for (let n = 0; n < count; n += 10) await user.append(context, `box/${n}`, [draft(`mail ${n}`)])
  await user.stop(60_000)
  return { first, last }
}

const listStatus = 'LIST "" "*" RETURN (STATUS (MESSAGES UIDNEXT UNSEEN SIZE))'

void t.test('1,000 mailboxes', async (t) => {
  const small = newWorld(t)
  await userWith(2 * few, small)
  const world = newWorld(t)
  const { first, last } = await userWith(many, world)
  figure(t, `creating the last ${few} of ${many} mailboxes takes ${(last / first).toFixed(1)} times as long as the first ${few}`)

  const { store } = world
  const user = await open(world, settings)
  t.teardown(() => user.stop(60_000))
  const client = await login(user, world)
  const free = async (what: string, action: () => Promise<unknown>): Promise<void> => {
    store.operations()
    await action()
    t.same(store.operations(), [], `${what}: no request`)
  }
  let messages = 0
  const statuses = async (): Promise<void> => {
    messages = 0
    for (let n = 0; n < many; n++) messages += (await user.status(context, `box/${n}`)).messages
  }
  await free('STATUS of each after a restart', statuses)
  t.equal(messages, many / 10)
  await free('STATUS of each again', statuses)
  await free('LIST with STATUS', async () => { t.equal((await client.say(listStatus)).filter((line) => line.startsWith('* STATUS box/')).length, many) })
  await free('GETQUOTA', async () => { t.match(await client.say('GETQUOTA "User quota"'), [/^\* QUOTA "User quota" \(STORAGE \d+ 1048576 MESSAGE 100 1000000\)$/]) })
  await free('NOTIFY SET STATUS', async () => {
    t.equal((await client.say('NOTIFY SET STATUS (personal (MessageNew MessageExpunge))')).filter((line) => line.startsWith('* STATUS box/')).length, many)
  })
  t.equal(user.describe().values!['mailboxes'], 0, 'and none is loaded')

  const other = await open(small, settings)
  t.teardown(() => other.stop(60_000))
  const otherClient = await login(other, small)
  const ratio = await ratioOf(() => client.say(listStatus), async () => { for (let n = 0; n < many; n += 2 * few) await otherClient.say(listStatus) })
  figure(t, `LIST with STATUS takes ${ratio.toFixed(2)} times as long for each of ${many} mailboxes as for each of ${2 * few}`)
  t.ok(ratio < 3, 'linear')
})
