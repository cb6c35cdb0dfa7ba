// An HTTP server that answers as each test says, and timers that run fifty times as fast, so that retries and time-outs of
// the s3 driver can be seen in milliseconds.

import { Buffer } from 'node:buffer'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { RequestContext, Timers } from '../../../runtime/effects.ts'
import type { LogEvent } from '../../../runtime/events.ts'
import { buildStack } from '../../../workers/fs/stack.ts'
import type { OpenStore } from '../../../workers/storage/driver.ts'

export interface Seen { method: string; url: string; headers: http.IncomingHttpHeaders; body: Buffer }

/** Answers the n-th request (from 0). */
export type Script = (n: number, request: Seen, response: http.ServerResponse) => void

export interface FakeS3 {
  store: OpenStore
  seen: Seen[]
  /** Milliseconds of the driver's clock between the requests. */
  gaps(): number[]
  log: LogEvent[]
  port: number
  /** TCP connections opened so far. */
  connections(): number
}

const speed = 50

/** Timers that run `speed` times as fast, and keep the process alive. */
export const fastTimers: Timers = {
  after: (ms, action) => {
    const timer = setTimeout(action, ms / speed)
    return () => clearTimeout(timer)
  },
}

interface Teardown { teardown(action: () => void): unknown }

/** A server that ends with the test `t`. */
export const serverOf = async (t: Teardown, script: Script): Promise<{ port: number; seen: Seen[]; times: number[]; connections(): number }> => {
  const seen: Seen[] = []
  const times: number[] = []
  let connections = 0
  const server = http.createServer((request, response) => {
    const n = times.push(performance.now()) - 1
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => { parts.push(part) })
    request.on('error', () => {})
    request.on('end', () => {
      const all = { method: request.method!, url: request.url!, headers: request.headers, body: Buffer.concat(parts) }
      seen.push(all)
      script(n, all, response)
    })
  })
  server.on('connection', () => { connections++ })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { server.closeAllConnections(); server.close() })
  return { port: (server.address() as AddressInfo).port, seen, times, connections: () => connections }
}

/** Never answers. */
export const silent: Script = () => {}

/** What is only slow because the machine is busy is not given up, nor warned about: ten real seconds. */
const patient = `timeout=${10 * speed}s&slow_warn=${10 * speed}s`

/** A server and a store on it; both end with the test `t`. Waits for an answer, but for what `parameters` say, like a store in no hurry. */
export const fakeS3 = async (t: Teardown, script: Script, options: { scheme?: 's3' | 'aws-s3'; parameters?: string; maxConnections?: number; userinfo?: string } = {}): Promise<FakeS3> => {
  const log: LogEvent[] = []
  const { port, seen, times, connections } = await serverOf(t, script)
  const store = buildStack(`${options.scheme ?? 's3'}:http://${options.userinfo ?? 'KEY:SECRET@'}127.0.0.1:${port}/?bucket=b&${patient}${options.parameters ?? ''}`, {
    timers: fastTimers, emit: (event) => { log.push(event) },
    ...(options.maxConnections === undefined ? {} : { maxConnections: () => options.maxConnections! }),
  })
  t.teardown(() => store.close())
  return { store, seen, log, port, connections, gaps: () => times.slice(1).map((time, n) => (time - times[n]!) * speed) }
}

/** An error as S3 writes it. */
export const refuse = (response: http.ServerResponse, status: number, code: string, headers: http.OutgoingHttpHeaders = {}): void => {
  response.writeHead(status, { 'x-amz-request-id': 'REQ1', ...headers })
  response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><RequestId>REQ1</RequestId></Error>`)
}

export const context = (): RequestContext & { cost: { requests: number; waitMs: number } } =>
  ({ user: 'dove@example.com', session: 's1', reason: 'imap:fetch_body', cost: { requests: 0, waitMs: 0 } })
