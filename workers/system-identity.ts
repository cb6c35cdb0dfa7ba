// Who the server is to the system. Dovecot's mail processes become mail_uid and mail_gid; here threads share one process, which
// stays what it was started as. So these two settings say who should have started it, and a server that is somebody else says so.

import { messageOf } from '../runtime/errors.ts'
import { findSystemGroup, findSystemUser } from './system-users.ts'

interface Asked { mail_uid: string; mail_gid: string }

/** Lines for the log, where the server is not who the settings say. `own`: whom it was started as. */
export async function identityNotes({ mail_uid, mail_gid }: Asked, own: { uid: number; gid: number } = started()): Promise<string[]> {
  return [
    ...await noteOf('mail_uid', mail_uid, own.uid, async (name) => (await findSystemUser(name))?.uid),
    ...await noteOf('mail_gid', mail_gid, own.gid, findSystemGroup),
  ]
}

const started = (): { uid: number; gid: number } => ({ uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 })

async function noteOf(setting: string, wanted: string, own: number, find: (name: string) => Promise<string | undefined>): Promise<string[]> {
  if (wanted === '') return []
  if (wanted.includes('%')) return [`${setting} = ${wanted}: local files of all users belong to whom the server was started as (${own})`]
  try {
    const id = /^\d+$/.test(wanted) ? wanted : await find(wanted)
    if (id === undefined) return [`${setting} = ${wanted}: the system does not know that name`]
    return Number(id) === own ? [] : [`${setting} = ${wanted}: the server was started as ${own}, to whom all local files belong; start it as ${wanted}`]
  } catch (error) {
    return [`${setting} = ${wanted}: ${messageOf(error)}`]
  }
}
