// What quota rules mean, and that the figures of GETQUOTA are those of the mailboxes.

import t from 'tap'
import { counts, covers, limitsFor, quotaRoots } from '../../../actors/user/quota-rules.ts'
import { context, draft, messageOf, newWorld, open, within } from './fixture.ts'

void t.test('rules', async (t) => {
  const { roots: [root, ...others], wrong } = quotaRoots({
    quota: 'count:User quota', quota_rule: '*:storage=1G:messages=1000', quota_rule2: 'Trash:storage=+10%:messages=+5', quota_rule3: 'Spam*:ignore',
    quota_rule4: 'Sent:storage=+100M', quota_rule6: 'Never:ignore',
  })
  t.same(wrong, [])
  t.equal(others.length, 0)
  t.equal(root!.name, 'User quota')
  t.same(root!.limits, { bytes: 2 ** 30, messages: 1000 })
  t.same(limitsFor(root!, 'INBOX'), root!.limits)
  t.same(limitsFor(root!, 'Trash'), { bytes: 2 ** 30 + Math.trunc(2 ** 30 / 10), messages: 1005 })
  t.same(limitsFor(root!, 'Sent'), { bytes: 2 ** 30 + 100 * 2 ** 20, messages: 1000 })
  t.equal(counts(root!, 'Spam/old'), false)
  t.equal(counts(root!, 'Never'), true, 'a gap in the numbers ends them')
})

void t.test('units, and later rules above earlier ones', async (t) => {
  const limitsOf = (...rules: string[]): unknown =>
    quotaRoots({ quota: 'count:Q', ...Object.fromEntries(rules.map((rule, n) => [n === 0 ? 'quota_rule' : `quota_rule${n + 1}`, rule])) }).roots[0]!.limits
  t.same(limitsOf('*:storage=10'), { bytes: 10 * 1024, messages: undefined }, 'KiB')
  t.same(limitsOf('*:storage=10b'), { bytes: 10, messages: undefined })
  t.same(limitsOf('*:bytes=10k'), { bytes: 10 * 1024, messages: undefined })
  t.same(limitsOf('?:storage=2M'), { bytes: 2 * 2 ** 20, messages: undefined })
  t.same(limitsOf('*:storage=1M:messages=7', '*:storage=0'), { bytes: undefined, messages: 7 })
  t.same(limitsOf(), { bytes: undefined, messages: undefined })
})

void t.test('several roots, and what is wrong', async (t) => {
  const { roots, wrong } = quotaRoots({ quota: 'count:One:noenforcing', quota_rule: '*:storage=k', quota2: 'count:Two:hidden:ns=Archive/', quota2_rule: '*:messages=3' })
  t.same(roots.map(({ name, hidden, enforcing }) => [name, hidden, enforcing]), [['One', false, false], ['Two', true, true]])
  t.match(wrong, ['quota_rule = *:storage=k: \'k\' is not an amount'])
  t.same(roots[0]!.limits, { bytes: undefined, messages: undefined }, 'a rule that cannot be read limits nothing')
  t.equal(covers(roots[1]!, 'INBOX'), false)
  t.equal(covers(roots[1]!, 'Archive/2020'), true)
})

void t.test('usage is the sum over the mailboxes that count, whether they are loaded or not', async (t) => {
  const world = newWorld(t)
  const settings = { plugin: { quota: 'count:User quota', quota_rule: '*:storage=1M', quota_rule2: 'Junk:ignore' } }
  let user = await open(world, settings)
  for (const name of ['Sent', 'Junk']) await user.create(context, name)
  for (const [name, subject] of [['INBOX', 'one'], ['Sent', 'two'], ['Junk', 'three']] as const) await user.append(context, name, [draft(subject)])
  const size = messageOf('one').length
  t.same(user.quotaRoots('INBOX'), ['User quota'])
  const expected = { name: 'User quota', bytes: 2 * size, messages: 2, limits: { bytes: 2 ** 20, messages: undefined } }
  t.same(await user.quota(context, 'User quota'), expected)
  t.equal(await user.quota(context, 'Another'), undefined)
  await user.stop(10_000)

  user = await open(world, settings)
  world.store.operations()
  t.same(await user.quota(context, 'User quota'), expected, 'after a restart')
  t.same(world.store.operations(), [], 'without a request')
  await within(user, 'Sent', (mailbox) => mailbox.store(context, [1], { mode: 'add', flags: { system: 8, keywords: [] } }))
  t.equal((await user.status(context, 'Sent')).deletedSize, size)
  await within(user, 'Sent', (mailbox) => mailbox.expunge(context, [1]))
  t.equal((await user.status(context, 'Sent')).deletedSize, 0)
  t.match(await user.quota(context, 'User quota'), { bytes: size, messages: 1 })
  await user.stop(10_000)
})
