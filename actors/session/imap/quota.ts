// What GETQUOTA, GETQUOTAROOT and SETQUOTA have in common. RFC 9208; a resource without a limit is not told (as in Dovecot and RFC 2087).

import type { Settings } from '../../../conf/settings.ts'
import type { QuotaUsage } from '../../user/types.ts'
import { astring, utf8 } from './encode.ts'

/** The plugin that gives it, as in Dovecot. */
export const quotaOffered = (settings: Settings): boolean => settings.mail_plugins.includes('imap_quota')

/** A root's name. */
export const rootName = (name: string): string => astring(utf8(name))

const inKiB = 1024

/** `QUOTA root (STORAGE used limit MESSAGE used limit)`, storage in units of 1024 octets: what is begun is used, a limit never looks larger than it is. */
export function quotaResponse({ name, bytes, messages, limits }: QuotaUsage): string {
  const resources: string[] = []
  if (limits.bytes !== undefined) resources.push(`STORAGE ${Math.ceil(bytes / inKiB)} ${Math.floor(limits.bytes / inKiB)}`)
  if (limits.messages !== undefined) resources.push(`MESSAGE ${messages} ${limits.messages}`)
  return `QUOTA ${rootName(name)} (${resources.join(' ')})`
}
