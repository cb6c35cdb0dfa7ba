// Every setting there is, put together from the tables in conf/settings/*.ts, and the types that follow from them.
// To add a setting, add a row to the table of its subject: nothing else.

import type { Values } from './setting.ts'
import { defaultsOf } from './setting.ts'
import type { passdbSettings, userdbSettings } from './settings/auth.ts'
import { authSettings } from './settings/auth.ts'
import { formatSettings } from './settings/formats.ts'
import { imapSettings } from './settings/imap.ts'
import { lmtpSettings, submissionSettings } from './settings/lmtp.ts'
import { logSettings } from './settings/log.ts'
import { loginSettings, sslSettings } from './settings/login.ts'
import type { mailboxSettings, namespaceSettings } from './settings/mail.ts'
import { mailSettings } from './settings/mail.ts'
import { masterSettings } from './settings/master.ts'
import { mailLogSettings, oboxSettings } from './settings/obox.ts'
import { pop3Settings } from './settings/pop3.ts'
import { quotaSettings } from './settings/quota.ts'
import type { ServiceSettings } from './settings/service.ts'
import { manageSieveSettings, otherPluginSettings, sievePluginSettings } from './settings/sieve.ts'

export type { FileListenerSettings, InetListenerSettings, ServiceSettings } from './settings/service.ts'

/** Settings written at the top level (or in `protocol {}`, `remote {}` …). */
export const coreSettings = {
  ...masterSettings, ...logSettings, ...loginSettings, ...sslSettings, ...authSettings, ...mailSettings, ...imapSettings,
  ...pop3Settings, ...lmtpSettings, ...submissionSettings, ...manageSieveSettings, ...formatSettings,
} as const

/** Settings written in `plugin {}`. */
export const pluginSettings = {
  ...oboxSettings, ...mailLogSettings, ...quotaSettings, ...sievePluginSettings, ...otherPluginSettings,
} as const

export type MailboxSettings = { name: string } & Values<typeof mailboxSettings>
/** Where a section begins, `file:line`; absent: in no file. */
interface Placed { where?: string }
export type NamespaceSettings = { name: string; mailbox: MailboxSettings[] } & Placed & Values<typeof namespaceSettings>
export type PassdbSettings = Placed & Values<typeof passdbSettings>
export type UserdbSettings = Placed & Values<typeof userdbSettings>

/** All settings in force for one kind of connection. Times in ms, sizes in bytes. Structured-clonable. */
export type Settings = Values<typeof coreSettings> & Values<typeof pluginSettings> & {
  namespace: NamespaceSettings[]
  /** In the order in which they are asked. */
  passdb: PassdbSettings[]
  userdb: UserdbSettings[]
  service: Record<string, ServiceSettings>
  /** `dict {}`: name → URI. */
  dict: Record<string, string>
  /** All of `plugin {}` as written, known or not, numbered ones (quota_rule2) included. */
  plugin: Record<string, string>
}

/** Every setting at its default: no databases, no namespaces, no services. For tests; `loadConfig` gives the services too. */
export const defaultSettings = (): Settings => ({
  ...defaultsOf(coreSettings), ...defaultsOf(pluginSettings),
  namespace: [], passdb: [], userdb: [], service: {}, dict: {}, plugin: {},
})
