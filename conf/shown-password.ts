// auth_verbose_passwords: whether and how the log shows a password that was refused: `no`, `plain`, `yes` (the same), `sha1`, the latter
// three with `:LENGTH`. A hash, cut short, tells one guess tried everywhere from many.

import { createHash } from 'node:crypto'

const form = /^(no|plain|yes|sha1)(?::(\d{1,4}))?$/

/** Whether a value of the setting is one. */
export const isPasswordForm = (setting: string): boolean => form.test(setting)

/** What is put behind a refusal in the log; empty: nothing. */
export function shownPassword(setting: string, password: string): string {
  const [, kind = 'no', length] = form.exec(setting) ?? []
  if (kind === 'no' || password === '') return ''
  const most = length === undefined ? Infinity : Number(length)
  return kind === 'sha1'
    ? ` (SHA1 of given password: ${createHash('sha1').update(password).digest('hex').slice(0, most)})`
    : ` (given password: ${[...password].slice(0, most).join('')})`
}
