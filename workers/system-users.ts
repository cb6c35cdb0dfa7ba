// The users of the system, as its name service has them (files, LDAP, sssd …): `getent passwd`, `getent group`, and `getent shadow`
// where this process may read it. Each look-up runs that program once, with the name as a single argument.

import { execFile } from 'node:child_process'
import { TempFail, messageOf } from '../runtime/errors.ts'
import { limits } from '../runtime/limits.ts'

export interface SystemUser { name: string; password: string; uid: string; gid: string; home: string }

/** What getent says when a name is not there. */
const notFound = 2

/** Lines of a database, of one name or all. TempFail. */
function getent(database: 'passwd' | 'shadow' | 'group', name?: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    execFile('getent', [database, ...(name === undefined ? [] : ['--', name])], { timeout: limits.systemUserMs, maxBuffer: limits.passwdFileBytes }, (error, stdout) => {
      if (error === null) resolve(stdout.split('\n').filter((line) => line !== ''))
      else if (error.code === notFound) resolve([])
      else reject(new TempFail(`getent ${database}: ${messageOf(error)}`))
    })
  })
}

function parse(line: string): SystemUser {
  const [name = '', password = '', uid = '', gid = '', , home = ''] = line.split(':')
  return { name, password, uid, gid, home }
}

/** Names have no colon, no slash and no control characters anywhere; a number would be taken for a uid. */
const isName = (name: string): boolean => /^[^:/\u0000-\u0020\u007f]+$/.test(name) && !/^[+-]?\d+$/.test(name)

/** TempFail: nobody can tell. */
export async function findSystemUser(name: string): Promise<SystemUser | undefined> {
  if (!isName(name)) return undefined
  return (await getent('passwd', name)).map(parse).find((user) => user.name === name)
}

/** The gid of a group. TempFail: nobody can tell. */
export async function findSystemGroup(name: string): Promise<string | undefined> {
  if (!isName(name)) return undefined
  return (await getent('group', name)).map((line) => line.split(':')).find(([found]) => found === name)?.[2]
}

/**
 * The password of a user, hashed by crypt(3); undefined: there is none that could be right, or the account or the password
 * has expired. `days`: since 1970. TempFail: it cannot be read.
 */
export async function systemPassword({ name, password }: SystemUser, days: number): Promise<string | undefined> {
  if (password !== 'x') return usable(password)
  const line = (await getent('shadow', name)).find((found) => found.startsWith(`${name}:`))
  if (line === undefined) throw new TempFail('the shadow database cannot be read, or has not this user')
  const [, secret = '', changed = '', , most = '', , grace = '', expires = ''] = line.split(':')
  if (expires !== '' && days >= Number(expires)) return undefined
  if (changed === '0') return undefined
  if (most !== '' && changed !== '' && days > Number(changed) + Number(most) + Number(grace === '' ? 0 : grace)) return undefined
  return usable(secret)
}

/** `!` and `*` lock an account; an empty field would let everybody in. */
const usable = (secret: string): string | undefined => (secret === '' || /^[!*]/.test(secret) ? undefined : secret)

/** All names. TempFail. */
export async function* listSystemUsers(): AsyncGenerator<SystemUser> {
  for (const line of await getent('passwd')) yield parse(line)
}
