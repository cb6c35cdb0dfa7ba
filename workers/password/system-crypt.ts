// Hashes that the C library's crypt(3) knows and JavaScript does not: yescrypt (what Debian's passwd makes), gost-yescrypt, scrypt.
// perl calls it for us, as getent asks the name service: one process for a password, in an auth worker, which blocks on purpose.

import { Buffer } from 'node:buffer'
import { spawnSync } from 'node:child_process'
import { limits } from '../../runtime/limits.ts'
import { equalBytes } from './equal.ts'
import { UnusableSecret } from './scheme.ts'

/** Reads password and setting in hexadecimal, a line each, so that neither is seen in a list of processes. */
const program = 'my ($password, $setting) = map { chomp; pack "H*", $_ } <STDIN>; my $made = crypt($password, $setting); print defined $made ? $made : ""'

/** Whether crypt(3) makes `stored` of the password. UnusableSecret: it does not know the kind, or cannot be asked. */
export function systemCrypt(password: Uint8Array, stored: Uint8Array): boolean {
  // C's strings end there: what follows would not count.
  if (password.includes(0) || stored.includes(0)) return false
  const input = `${Buffer.from(password).toString('hex')}\n${Buffer.from(stored).toString('hex')}\n`
  const { status, error, stdout } = spawnSync('perl', ['-e', program], {
    input, timeout: limits.systemUserMs, maxBuffer: 4096, stdio: ['pipe', 'pipe', 'ignore'],
  })
  if (status !== 0) throw new UnusableSecret(`perl, which asks crypt(3), cannot be run: ${error?.message ?? `it ended with ${status}`}`)
  if (stdout.length === 0 || stdout[0] === '*'.charCodeAt(0)) throw new UnusableSecret("the system's crypt(3) does not know this kind of hash, or finds it broken")
  return equalBytes(stdout, stored)
}
