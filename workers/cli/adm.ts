// `culver adm COMMAND …`: asks a running server, over its admin socket. The commands are the files of
// actors/session/admin/commands/: this end knows their options and prints what comes back as doveadm would.

import path from 'node:path'
import { parseArgs } from 'node:util'
import { all } from '../../actors/session/admin/commands/index.ts'
import type { AdminCommand, AdminRequest } from '../../actors/session/admin/command.ts'
import { loadConfig, settingsFor } from '../../conf/load.ts'
import { nearest } from '../../conf/nearest.ts'
import { askServer } from './adm/ask.ts'
import type { Format } from './adm/formats.ts'
import { formats } from './adm/formats.ts'
import { command } from './command.ts'

const commands: readonly AdminCommand[] = all

/** Words of the longest command name. */
const mostWords = Math.max(...commands.map(({ name }) => name.split(' ').length))

const usageCode = 64

const listed = (): string => {
  const width = Math.max(...commands.map(({ name }) => name.length))
  return commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join('\n')
}

const usage = `adm [-c FILE | -S SOCKET] [-f FORMAT] COMMAND …
  -c FILE    the server's configuration (default /etc/dovecot/dovecot.conf)
  -S SOCKET  its admin socket (default: doveadm-server in base_dir)
  -f FORMAT  ${Object.keys(formats).join(', ')}
Commands (culver adm help COMMAND tells more):
${listed()}`

/** Options of `adm` itself stand before the command. */
interface Place { config?: string; socket?: string; format?: string; rest: string[] }

const ownOptions: Readonly<Record<string, 'config' | 'socket' | 'format'>> =
  { '-c': 'config', '--config': 'config', '-S': 'socket', '--socket': 'socket', '-f': 'format', '--format': 'format' }

function placeOf(args: readonly string[]): Place {
  const place: Place = { rest: [...args] }
  for (let option = ownOptions[place.rest[0] ?? '']; option !== undefined; option = ownOptions[place.rest[0] ?? '']) {
    const [, value] = place.rest.splice(0, 2)
    if (value === undefined) return { rest: [] }
    place[option] = value
  }
  return place
}

/** The command that the first words name. */
function commandOf(words: readonly string[]): { found: AdminCommand; args: string[] } | undefined {
  for (let count = Math.min(words.length, mostWords); count > 0; count--) {
    const found = commands.find(({ name }) => name === words.slice(0, count).join(' '))
    if (found !== undefined) return { found, args: words.slice(count) }
  }
  return undefined
}

/** Why `words` name no command. */
function unknown(words: readonly string[]): string {
  const [first = ''] = words
  const below = commands.filter(({ name }) => name.startsWith(`${first} `)).map(({ name }) => name)
  if (below.length > 0) return `'${words.slice(0, 2).join(' ')}' is no command; there are ${below.join(', ')}`
  const meant = nearest(first, commands.map(({ name }) => name))
  return `unknown command '${first}'${meant === undefined ? '' : `; did you mean '${meant}'?`} (culver adm help lists them)`
}

const wrong = (text: string): number => {
  console.error(`culver adm: ${text}`)
  return usageCode
}

export default command({
  name: 'adm',
  summary: 'administrate a running server, as doveadm does',
  usage,
  usageOf(args) {
    const named = commandOf(placeOf(args).rest)
    return named === undefined ? usage : `adm ${named.found.usage}`
  },
  async run(args) {
    const { rest, ...place } = placeOf(args)
    if (rest.length === 0) return wrong(`no command\nculver ${usage}`)
    if (rest[0] === 'help') return help(rest.slice(1))
    const named = commandOf(rest)
    if (named === undefined) return wrong(unknown(rest))
    const format = formats[place.format ?? 'table']
    if (format === undefined) return wrong(`unknown format '${place.format}' (known: ${Object.keys(formats).join(', ')})`)
    const { found, args: words } = named
    const { values, positionals } = parseArgs({ args: words, options: found.options, allowPositionals: true })
    if (positionals.length < found.args.min || positionals.length > found.args.max) return wrong(`usage: culver adm ${found.usage}`)
    return ask(place, { command: found.name, options: values as AdminRequest['options'], args: positionals }, format)
  },
})

/** As `culver help adm COMMAND`. */
function help(words: readonly string[]): number {
  const named = commandOf(words)
  if (words.length > 0 && named === undefined) return wrong(unknown(words))
  console.log(`culver ${named === undefined ? usage : `adm ${named.found.usage}`}`)
  return 0
}

async function ask(place: Omit<Place, 'rest'>, request: AdminRequest, format: Format): Promise<number> {
  const socket = place.socket ?? socketOf(place.config ?? '/etc/dovecot/dovecot.conf')
  return askServer(socket, request, format, { out: (text) => { process.stdout.write(text) }, complain: (text) => { console.error(`culver adm: ${text}`) } })
}

function socketOf(file: string): string {
  const { base_dir, doveadm_socket_path } = settingsFor(loadConfig(file), {})
  return path.resolve(base_dir, doveadm_socket_path)
}
