// `culver serve -c FILE`: runs the server in the foreground until SIGINT or SIGTERM; SIGHUP reads the configuration again, SIGUSR1 opens log files anew.

import { parseArgs } from 'node:util'
import { loadConfig, settingsFor } from '../../conf/load.ts'
import { limits } from '../../runtime/limits.ts'
import { flushCompiled } from '../compile-cache.ts'
import { listenerName } from '../listeners.ts'
import type { Listener } from '../listeners.ts'
import { Server } from '../main.ts'
import { command } from './command.ts'

/** One line a listener, then what the configuration has to say to a newcomer. */
function announce(listeners: readonly Listener[], text: string): string {
  const width = Math.max(...listeners.map((listener) => listener.protocol.length))
  const lines = listeners.map((listener) => `  ${listener.protocol.toUpperCase().padEnd(width)}  ${listenerName(listener)}${listener.kind === 'inet' && listener.ssl ? ' (TLS)' : ''}`)
  return ['Culver is ready.', ...lines, ...(text === '' ? [] : [text.trimEnd()])].join('\n')
}

export default command({
  name: 'serve',
  summary: 'run the server',
  usage: `serve [-c FILE] [-o SETTING=VALUE …]
  -c FILE          the configuration (default /etc/dovecot/dovecot.conf); culver conf -n -c FILE shows what it says
  -o NAME=VALUE    as if it stood in the file; plugin/NAME for plugin {}
Runs until SIGINT or SIGTERM. SIGHUP, or culver adm reload, reads the configuration again. SIGUSR1, or culver adm log reopen, begins new log files.`,
  async run(args) {
    const { values } = parseArgs({
      args,
      options: { config: { type: 'string', short: 'c' }, option: { type: 'string', short: 'o', multiple: true } },
    })
    const overrides = values.option ?? []
    const config = loadConfig(values.config ?? '/etc/dovecot/dovecot.conf', overrides)
    const server = new Server(config, overrides)
    process.on('SIGUSR1', () => { server.reopenLogs() })
    const reloads = onHangup(() => server.reloadOrSay())
    await server.start()
    reloads.begin()
    flushCompiled()
    console.log(announce(server.listeners, settingsFor(config, {}).culver_ready_text))
    await stopSignal()
    console.log('Stopping; once more to stop at once.')
    await server.stop(limits.shutdownMs)
    return 0
  },
})

/** Calls `reload` at each SIGHUP from `begin` on; what came before counts as one then. */
function onHangup(reload: () => Promise<void>): { begin(): void } {
  let begun = false
  let missed = false
  process.on('SIGHUP', () => {
    if (begun) void reload()
    else missed = true
  })
  return {
    begin() {
      begun = true
      if (missed) void reload()
    },
  }
}

/** One Ctrl-C may arrive twice, from the terminal and from npm: within this time (ms) it is one. */
const sameSignalMs = 300

/** Settles at the first SIGINT or SIGTERM; the second ends the process as it is (journals are made for that). */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let askedAt: number | undefined
    const stop = (): void => {
      if (askedAt !== undefined && performance.now() - askedAt > sameSignalMs) process.exit(1)
      askedAt ??= performance.now()
      resolve()
    }
    process.on('SIGINT', stop)
    process.on('SIGTERM', stop)
  })
}
