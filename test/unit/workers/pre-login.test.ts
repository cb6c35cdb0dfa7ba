// Clients that never log in, over real listeners and sessions, with a clock that runs a thousand times as fast.

import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import t from 'tap'
import { loadConfig } from '../../../conf/load.ts'
import type { Effects } from '../../../runtime/effects.ts'
import { limits } from '../../../runtime/limits.ts'
import { realClock, realTimers } from '../../../runtime/real-effects.ts'
import { Listeners } from '../../../workers/net.ts'
import { SessionHost } from '../../../workers/session-host.ts'
import { newTicketKeys } from '../../../workers/tls/context.ts'
import { Handshakes } from '../../../workers/tls/handshakes.ts'
import { configuration, freePort } from '../../fixtures/server.ts'
import { smallWorld } from '../../fixtures/small-world.ts'

const faster = 1000

void t.test('who says nothing, and who sends a byte now and then, is told and cut after a while', async (t) => {
  const world = smallWorld(t)
  const port = await freePort()
  const file = path.join(world.directory, 'culver.conf')
  fs.writeFileSync(file, configuration(world.directory, port, await freePort(), {}))
  const effects: Effects = {
    ...world.effects,
    clock: { now: realClock.now, monotonic: () => realClock.monotonic() * faster },
    timers: { after: (ms, action) => realTimers.after(ms / faster, action) },
  }
  const config = loadConfig(file)
  const handshakes = new Handshakes(effects, () => config, newTicketKeys())
  const host = new SessionHost(effects, config, { index: 0, count: 1, relayTo: () => { throw new Error('there is only one') } }, handshakes)
  const listeners = new Listeners(effects, () => config, host, handshakes)
  await listeners.listen([{ protocol: 'imap', kind: 'inet', address: '127.0.0.1', port }], true)
  t.teardown(() => listeners.close())

  const started = performance.now()
  const ends = await Promise.all(Array.from({ length: 100 }, async (_, n) => {
    const socket = net.connect(port, '127.0.0.1')
    let text = ''
    socket.on('data', (bytes: Buffer) => { text += bytes.toString() })
    const typing = n % 2 === 0 ? undefined : setInterval(() => socket.write('x'), 1)
    socket.on('error', () => {})
    await once(socket, 'close')
    clearInterval(typing)
    return text
  }))
  t.ok((performance.now() - started) * faster > limits.preLoginMs, 'not before')
  t.equal(ends.filter((text) => /^\* OK [^\n]*\n\* BYE Disconnected for inactivity\.\r\n$/.test(text)).length, ends.length, `all are told: ${ends.at(-1)}`)
  t.equal(host.sessionCount, 0)
})
