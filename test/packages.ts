// The Debian packages that tests with real clients and servers need: installed when missing, with retries, by root.

import { spawnSync } from 'node:child_process'
import fs from 'node:fs'

const tries = 3

const installed = (name: string): boolean =>
  spawnSync('dpkg-query', ['-W', '-f', '${Status}', name], { encoding: 'utf8' }).stdout?.includes('install ok installed') ?? false

const run = (command: string, args: string[]): boolean =>
  spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, timeout: 600_000 }).status === 0

/** Keeps Debian's packages from starting their services: tests start what they need themselves. */
function forbidServices(): void {
  const policy = '/usr/sbin/policy-rc.d'
  if (!fs.existsSync(policy)) fs.writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
}

let updated = false

/**
 * Makes sure that `names` are installed. The names that are missing and cannot be had (no root, no network, no Debian);
 * with CI=true that throws instead, because there nothing may be skipped.
 */
export function requirePackages(names: string[]): string[] {
  const missing = names.filter((name) => !installed(name))
  if (missing.length === 0) return []
  if (process.getuid?.() === 0 && fs.existsSync('/usr/bin/apt-get')) {
    forbidServices()
    for (let attempt = 0; attempt < tries; attempt++) {
      if (!updated || attempt > 0) updated = run('apt-get', ['update', '-q'])
      if (run('apt-get', ['install', '-q', '-y', '--no-install-recommends', ...missing])) break
    }
  }
  const absent = missing.filter((name) => !installed(name))
  if (absent.length > 0 && process.env['CI'] === 'true') throw new Error(`packages that could not be installed: ${absent.join(' ')}`)
  return absent
}
