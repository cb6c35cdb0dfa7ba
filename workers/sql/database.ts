// One SQL database, as one look-up at a time sees it: a connection that is kept, opened anew when it has broken, and to the
// next server where one does not answer. passdb and userdb of the same file share it.
//
// TempFail is all that goes wrong here: servers that are away, queries that the database cannot make sense of, answers that
// take too long. Results are text, as in Dovecot, but for booleans: those are yes and no.

import type pg from 'pg'
import { renamed } from '../../actors/auth/fields.ts'
import type { Fields } from '../../actors/auth/lookup.ts'
import type { Variables } from '../../conf/expand.ts'
import { namesIn } from '../../conf/expand.ts'
import type { SqlFile } from '../../conf/sql-file.ts'
import { readSqlFile } from '../../conf/sql-file.ts'
import { ConfigError, TempFail, messageOf } from '../../runtime/errors.ts'
import { limits } from '../../runtime/limits.ts'
import { sampleVariables } from '../ldap/directory.ts'
import type { DatabaseWorld } from '../databases.ts'
import { Failover } from '../failover.ts'
import { parseConnect } from './connect-string.ts'
import type { ConnectOptions, SqlServer } from './connect-string.ts'
import { Query } from './query.ts'

export type Row = Readonly<Record<string, string | null>>

const booleanType = 16
const types = {
  getTypeParser: (type: number) => (value: string | null) => (type === booleanType && value !== null ? (value === 't' ? 'yes' : 'no') : value),
} as pg.CustomTypesConfig

/** SQLSTATE classes that say something of the server, and nothing of the query: connection, resources, operator, system. */
const isAway = (code: unknown): boolean => typeof code !== 'string' || /^(08|53|57P|58|XX)/.test(code)

/** Connecting to one server, one answer, a whole look-up with fail-over (ms). */
export interface SqlTimes { connectMs: number; answerMs: number; lookupMs: number }

export const sqlTimes: SqlTimes = { connectMs: limits.sqlConnectMs, answerMs: limits.sqlAnswerMs, lookupMs: limits.sqlLookupMs }

interface ParameterStatus { parameterName: string; parameterValue: string }

interface Connection { client: pg.Client; server: SqlServer; broken: boolean }

export class Database {
  readonly file: SqlFile
  readonly #times: SqlTimes
  readonly #options: ConnectOptions
  readonly #servers: Failover<SqlServer>
  #connection: Connection | undefined
  #tail: Promise<unknown> = Promise.resolve()

  /** ConfigError: `connect` cannot be used. Connects to nothing yet. */
  constructor(file: SqlFile, times: SqlTimes = sqlTimes) {
    this.file = file
    this.#times = times
    this.#options = at(file, 'connect', () => parseConnect(file.settings.connect))
    this.#servers = new Failover('SQL', this.#options.servers)
  }

  /** ConfigError, with its place. */
  query(name: 'password_query' | 'user_query' | 'iterate_query', variables: Variables): Query {
    return at(this.file, name, () => new Query(this.file.settings[name], variables))
  }

  /** The %variables of a query, by which its answers are remembered; undefined: the password is one of them. */
  remembered(name: 'password_query' | 'user_query'): readonly string[] | undefined {
    const names = namesIn(this.file.settings[name])
    return names.includes('password') ? undefined : names
  }

  /** The one row of a query; undefined: there is none. */
  async find(name: string, query: string): Promise<Row | undefined> {
    const rows = await this.#run(query)
    if (rows.length > 1) throw new TempFail(`${name} returned ${rows.length} rows`)
    return rows[0]
  }

  /** All rows, a page at a time, on a connection of its own. */
  async *list(query: string): AsyncGenerator<Row> {
    const connection = await this.#open(performance.now() + this.#times.lookupMs, new Set())
    try {
      await connection.client.query(`BEGIN READ ONLY; DECLARE culver_users NO SCROLL CURSOR FOR ${query.replace(/;\s*$/, '')}`)
      for (;;) {
        const { rows } = await connection.client.query<Row>(`FETCH ${limits.sqlPageRows} FROM culver_users`)
        yield* rows
        if (rows.length < limits.sqlPageRows) return
      }
    } catch (error) {
      throw new TempFail(messageOf(error))
    } finally {
      close(connection)
    }
  }

  #run(query: string): Promise<Row[]> {
    const deadline = performance.now() + this.#times.lookupMs
    const answer = this.#tail.then(() => this.#answer(query, deadline))
    this.#tail = answer.catch(() => {})
    return answer
  }

  async #answer(query: string, deadline: number): Promise<Row[]> {
    const tried = new Set<SqlServer>()
    for (;;) {
      const kept = this.#connection?.broken === false ? this.#connection : undefined
      const connection = kept ?? (this.#connection = await this.#open(deadline, tried))
      try {
        const answer = await within(Math.min(this.#times.answerMs, deadline - performance.now()), connection.client.query<Row>(query))
        this.#servers.answered(connection.server)
        // Of several statements the last one's rows count.
        return (Array.isArray(answer) ? (answer.at(-1) as typeof answer) : answer).rows
      } catch (error) {
        const { code } = error as { code?: unknown }
        if (!isAway(code)) throw new TempFail(`query failed: ${messageOf(error)}`)
        close(connection)
        // A kept connection may have died unseen: that says nothing of its server. Neither has it been asked again then.
        if (kept === undefined || error instanceof TempFail) this.#failed(connection.server, error, tried)
      }
    }
  }

  async #open(deadline: number, tried: Set<SqlServer>): Promise<Connection> {
    for (;;) {
      const server = this.#servers.next(tried)
      const left = deadline - performance.now()
      if (left <= 0) throw new TempFail(`the database has not answered within ${this.#times.lookupMs} ms`)
      try {
        return await this.#connect(server, Math.min(this.#options.connectMs ?? this.#times.connectMs, left))
      } catch (error) {
        this.#failed(server, error, tried)
      }
    }
  }

  async #connect(server: SqlServer, ms: number): Promise<Connection> {
    const { demand, options } = this.#options.tls
    const local = server.host.startsWith('/')
    if (demand === 'never' || local) return this.#tryConnect(server, ms, undefined)
    try {
      return await this.#tryConnect(server, ms, options)
    } catch (error) {
      if (demand === 'always' || !/does not support SSL/i.test(messageOf(error))) throw error
      return this.#tryConnect(server, ms, undefined)
    }
  }

  async #tryConnect(server: SqlServer, ms: number, ssl: pg.ClientConfig['ssl']): Promise<Connection> {
    const { user, password, database, options } = this.#options
    const { default: { Client } } = await import('pg')
    const client = new Client({
      host: server.host, port: server.port, user, database, ssl: ssl ?? false, types, keepAlive: true, application_name: 'culver',
      connectionTimeoutMillis: Math.max(1, Math.floor(ms)), password: password ?? '', ...(options === undefined ? {} : { options }),
    })
    const connection: Connection = { client, server, broken: false }
    client.on('error', () => { connection.broken = true })
    client.on('end', () => { connection.broken = true })
    const { connection: wire } = client as unknown as { connection: { on(event: 'parameterStatus', heard: (status: ParameterStatus) => void): void } }
    let backslashes = false
    wire.on('parameterStatus', ({ parameterName, parameterValue }) => {
      if (parameterName === 'standard_conforming_strings') backslashes = parameterValue === 'off'
    })
    try {
      await within(ms + 500, client.connect())
      // Templates are read as if it were on (sql/query.ts).
      if (backslashes) throw new TempFail('standard_conforming_strings is off')
    } catch (error) {
      close(connection)
      throw error
    }
    return connection
  }

  #failed(server: SqlServer, error: unknown, tried: Set<SqlServer>): void {
    tried.add(server)
    this.#servers.failed(server, messageOf(error))
  }
}

/** Drops a connection, whatever goes on on it. */
function close(connection: Connection): void {
  connection.broken = true
  void connection.client.end().catch(() => {})
  ;(connection.client as unknown as { connection?: { stream?: { destroy(): void } } }).connection?.stream?.destroy()
}

/** TempFail where `work` takes longer than `ms`. */
function within<T>(ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new TempFail('no answer in time')), Math.max(1, ms))
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

function at<T>(file: SqlFile, name: keyof SqlFile['settings'], make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw new ConfigError(`${file.where(name)}: ${name}: ${messageOf(error)}`)
  }
}

const opened = new WeakMap<DatabaseWorld, Map<string, Database>>()

/** The database of the file `args`, one for all databases of a look-up. ConfigError. */
export function openDatabase(args: string, world: DatabaseWorld): Database {
  const path = args.trim()
  if (!path.startsWith('/')) throw new ConfigError(`sql: args must be a path, /… or ./…, not '${path}'`)
  const known = opened.get(world) ?? new Map<string, Database>()
  opened.set(world, known)
  const database = known.get(path) ?? new Database(readSqlFile(path))
  known.set(path, database)
  return database
}

/** What queries are tried out with before anybody logs in. */
export const sampleOf = (): Variables => sampleVariables({ password: 'password' })

/** A row as fields: NULL is no field, and `username` and `domain` are parts of `user`, as in Dovecot. */
export function fieldsOf(row: Row, user: string): Record<string, string> {
  const all: Fields = Object.fromEntries(Object.entries(row).flatMap(([name, value]) => (value === null || name === '' ? [] : [[name, value]])))
  const { username: _, domain: __, ...fields } = all
  const name = renamed(user, all)
  return name === user && fields['user'] === undefined ? fields : { ...fields, user: name }
}
