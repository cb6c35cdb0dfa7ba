// What tests with real clients share: packages or a named skip, a server of their own, a scratch directory.

import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import type { Test as Tap } from 'tap'
import { TestServer } from '../fixtures/server.ts'
import type { ServerOptions } from '../fixtures/server.ts'
import { requirePackages } from '../packages.ts'

export interface ClientTest {
  server: TestServer
  /** For the client's files. */
  scratch: string
}

/** Runs `body` against a server of its own when `packages` can be had; otherwise the test is skipped by name. */
export function clientTest(name: string, packages: string[], body: (t: Tap, test: ClientTest) => Promise<void>, options: ServerOptions = {}): void {
  const absent = requirePackages(packages)
  void t.test(name, { skip: absent.length > 0 ? `needs ${absent.join(', ')}` : false, timeout: 240_000 }, async (t) => {
    const server = await TestServer.start(options)
    t.teardown(() => server.stop())
    const scratch = path.join(server.directory, 'scratch')
    fs.mkdirSync(scratch)
    await body(t, { server, scratch })
  })
}
