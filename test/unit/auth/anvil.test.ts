import t from 'tap'
import { createAnvil } from '../../../actors/anvil.ts'
import type { Connection } from '../../../actors/anvil-messages.ts'

/** How many a test allows one user from one address. */
let most = 0
const connection = (key: string, more: Partial<Connection> = {}): Connection =>
  ({ key, session: `S${key}`, service: 'imap', user: 'tim', ip: '192.0.2.1', worker: 0, ...more })

t.test('mail_max_userip_connections', async (t) => {
  most = 2
  const anvil = createAnvil({}, () => {})
  const connect = (key: string, more?: Partial<Connection>) => anvil.receive({ kind: 'connect', most, ...connection(key, more) })
  t.same(connect('1'), { admitted: true })
  t.same(connect('2'), { admitted: true })
  const refused = { admitted: false, limit: 'mail_max_userip_connections', reason: 'Maximum number of connections from user+IP exceeded (mail_max_userip_connections=2)' }
  t.same(connect('3'), refused)
  t.same(connect('3'), refused, 'a refusal counts nothing')
  t.same(connect('2', { worker: 1 }), { admitted: true }, 'a session that moves is one session')
  t.same(connect('4', { service: 'pop3' }), { admitted: true }, 'each service counts alone')
  t.same(connect('5', { ip: '192.0.2.2' }), { admitted: true }, 'and each address')
  t.same(connect('6', { user: 'Tim' }), { admitted: true }, 'and each user, letter by letter')
  anvil.receive({ kind: 'disconnect', key: '1' })
  anvil.receive({ kind: 'disconnect', key: '1' })
  anvil.receive({ kind: 'disconnect', key: 'never seen' })
  t.same(connect('7'), { admitted: true })
  t.same(connect('8'), refused)
})

t.test('a dead worker frees its places', async (t) => {
  most = 1
  const anvil = createAnvil({}, () => {})
  anvil.receive({ kind: 'connect', most, ...connection('1', { worker: 1 }) })
  anvil.receive({ kind: 'connect', most, ...connection('2', { worker: 0, user: 'other' }) })
  anvil.dropWorker(1)
  t.same(anvil.receive({ kind: 'who' }), [connection('2', { user: 'other' })])
  t.same(anvil.receive({ kind: 'connect', most, ...connection('3') }), { admitted: true })
})

t.test('a session id that a proxy gives twice is two connections', async (t) => {
  most = 2
  const anvil = createAnvil({}, () => {})
  const connect = (key: string) => anvil.receive({ kind: 'connect', most, ...connection(key, { session: 'same' }) })
  t.same(connect('1'), { admitted: true })
  t.same(connect('2'), { admitted: true })
  t.match(connect('3'), { admitted: false })
  anvil.receive({ kind: 'disconnect', key: '1' })
  t.same(anvil.receive({ kind: 'who' }), [connection('2', { session: 'same' })])
})

t.test('no limit', async (t) => {
  most = 0
  const anvil = createAnvil({}, () => {})
  for (let n = 0; n < 100; n++) t.same(anvil.receive({ kind: 'connect', most, ...connection(String(n)) }), { admitted: true })
  t.equal((anvil.receive({ kind: 'who' }) as Connection[]).length, 100)
})

t.test('kick', async (t) => {
  const told: [number, string[]][] = []
  most = 0
  const anvil = createAnvil({}, (worker, keys) => { told.push([worker, keys]) })
  const connections = [connection('1'), connection('2', { worker: 1 }), connection('3', { worker: 1 }), connection('4', { user: 'other' })]
  for (const one of connections) anvil.receive({ kind: 'connect', most, ...one })
  t.same(anvil.receive({ kind: 'kick', keys: ['1', '2', '3', 'never seen'] }), connections.slice(0, 3))
  t.same(told, [[0, ['1']], [1, ['2', '3']]])
  t.equal((anvil.receive({ kind: 'who' }) as Connection[]).length, 4, 'they count until they have ended')
})

t.test('connections of a service', async (t) => {
  most = 0
  const anvil = createAnvil({ imap: 2 }, () => {})
  const connect = (key: string, more?: Partial<Connection>) => anvil.receive({ kind: 'connect', most, ...connection(key, more) })
  t.same([connect('1'), connect('2', { user: 'other' })], [{ admitted: true }, { admitted: true }])
  t.match(connect('3'), { admitted: false, limit: 'service', reason: /^service\(imap\): process_limit \(2\) reached/ })
  t.same(connect('2', { user: 'other', worker: 1 }), { admitted: true }, 'who is there may move')
  t.same(connect('4', { service: 'pop3' }), { admitted: true })
  anvil.receive({ kind: 'disconnect', key: '1' })
  t.same(connect('5'), { admitted: true })
  anvil.reload({})
  t.same(connect('6'), { admitted: true }, 'a reload may lift it')
})
