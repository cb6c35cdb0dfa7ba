// What of a connection is left for the session that follows another one on it.

import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { KnownAccounts } from '../../../actors/auth/known-accounts.ts'
import type { SessionSeed } from '../../../actors/session/seed.ts'
import { loadConfig } from '../../../conf/load.ts'
import { HostedSession } from '../../../workers/hosted-session.ts'
import type { Home } from '../../../workers/hosted-session.ts'
import { Users } from '../../../workers/users.ts'
import { configuration } from '../../fixtures/server.ts'
import { smallWorld } from '../../fixtures/small-world.ts'
import { connect } from './wires.ts'

const seed: SessionSeed = {
  protocol: 'imap', id: 's', remote: { ip: '10.0.0.9', port: 1 }, local: { ip: '10.0.0.1', port: 143 }, secured: true, trusted: true,
}

async function hosted(t: Test): Promise<{ session: HostedSession; next: SessionSeed[] }> {
  const { effects, directory } = smallWorld(t)
  const file = path.join(directory, 'culver.conf')
  fs.writeFileSync(file, configuration(directory, 10143, 10024, {}))
  const config = loadConfig(file)
  const next: SessionSeed[] = []
  const home: Home = {
    effects, config, place: { index: 0, count: 1, relayTo: () => { throw new Error('there is only one') } }, users: new Users(effects, () => config), accounts: new KnownAccounts(effects.clock),
    loggedIn() {}, forget() {}, beginAgain: (seed) => { next.push(seed) }, startTls: (seed) => { next.push(seed) },
  }
  const { wire } = await connect(t)
  return { session: new HostedSession(home, seed, wire), next }
}

void t.test('after UNAUTHENTICATE a client that a proxy has handed over speaks for itself', async (t) => {
  const { session, next } = await hosted(t)
  session.handOver({ remoteIp: '203.0.113.5', remotePort: 4, forward: { site: 'dc1' } })
  t.match(session.seed, { trusted: true, remote: { ip: '203.0.113.5' }, forward: { site: 'dc1' } })
  session.again(new Uint8Array(0))
  t.match(next, [{ trusted: false, secured: true, remote: { ip: '203.0.113.5' } }], 'its guesses of passwords have their penalty, and it can hand nobody over')
  t.equal(next[0]?.forward, undefined, 'and what was said of one user is not said of the next')
})

void t.test('a trusted client that has handed nobody over stays one', async (t) => {
  const { session, next } = await hosted(t)
  session.again(new Uint8Array(0))
  t.match(next, [{ trusted: true, remote: { ip: '10.0.0.9' } }])
})
