// Log lines as operators know them: timestamp, mail_log_prefix (or the service's name where no user is meant), level, text.
// Written by the main thread alone; other threads send it their events.

import fs from 'node:fs'
import { expand, userVariables } from '../conf/expand.ts'
import type { Settings } from '../conf/settings.ts'
import type { LogEvent } from '../runtime/events.ts'
import { ConfigError, messageOf } from '../runtime/errors.ts'
import { LogTarget } from './log-target.ts'

const levelNames = { debug: 'Debug', info: 'Info', warning: 'Warning', error: 'Error' } as const

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const two = (n: number): string => String(n).padStart(2, '0')

/** `+0100` */
function zone(date: Date): string {
  const east = -date.getTimezoneOffset()
  return `${east < 0 ? '-' : '+'}${two(Math.floor(Math.abs(east) / 60))}${two(Math.abs(east) % 60)}`
}

/** The letters of strftime(3) that say no more than a date and a time, in the C locale. */
const timestampLetters: Record<string, (date: Date) => string> = {
  a: (date) => days[date.getDay()]!, b: (date) => months[date.getMonth()]!, h: (date) => months[date.getMonth()]!,
  d: (date) => two(date.getDate()), e: (date) => String(date.getDate()).padStart(2), m: (date) => two(date.getMonth() + 1),
  Y: (date) => String(date.getFullYear()), y: (date) => two(date.getFullYear() % 100),
  H: (date) => two(date.getHours()), I: (date) => two(date.getHours() % 12 || 12), p: (date) => (date.getHours() < 12 ? 'AM' : 'PM'),
  M: (date) => two(date.getMinutes()), S: (date) => two(date.getSeconds()), s: (date) => String(Math.floor(date.getTime() / 1000)), z: zone,
  F: (date) => formatTimestamp('%Y-%m-%d', date), T: (date) => formatTimestamp('%H:%M:%S', date), R: (date) => formatTimestamp('%H:%M', date),
  D: (date) => formatTimestamp('%m/%d/%y', date), '%': () => '%',
}

/** log_timestamp of a moment; letters that are none of those stay as they are. */
export const formatTimestamp = (format: string, date: Date): string =>
  format.replace(/%(.)/g, (whole, letter: string) => (Object.hasOwn(timestampLetters, letter) ? timestampLetters[letter]!(date) : whole))

/** Of the last line: the others of that second have the same. */
let stamped = { format: '', second: 0, text: '' }

function timestampOf(format: string, now: Date): string {
  const second = Math.trunc(now.getTime() / 1000)
  if (stamped.second !== second || stamped.format !== format) stamped = { format, second, text: formatTimestamp(format, now) }
  return stamped.text
}

/** One line, without line end; control characters of clients' making cannot forge another one. */
export function formatLine(settings: Settings, event: LogEvent, now: Date): string {
  const service = event.service ?? 'master'
  const prefix = event.user === undefined
    ? `${service}: `
    : expand(settings.mail_log_prefix, userVariables({ user: event.user, service, ...(event.session === undefined ? {} : { session: event.session }) }))
  const line = `${timestampOf(settings.log_timestamp, now)}${prefix}${levelNames[event.level]}: ${event.text}`
  return line.replace(/[\u0000-\u0008\u000a-\u001f\u007f]/g, '?')
}

/** Lines of verbose_ssl are said only where it asks, by connection. */
const showsDebug = ({ mail_debug, auth_debug, auth_debug_passwords }: Settings, { name }: LogEvent): boolean =>
  mail_debug || auth_debug || auth_debug_passwords || name === 'tls.debug'

/** The descriptor of what is no file; undefined: it is one. There is no syslog daemon's protocol here: under a service manager standard error is what becomes the journal. */
function standardTarget(path: string): number | undefined {
  if (path === '/dev/stdout') return 1
  return path === '' || path === 'syslog' || path === '/dev/stderr' ? 2 : undefined
}

function openFile(path: string): number {
  try {
    return fs.openSync(path, 'a', 0o600)
  } catch (error) {
    throw new ConfigError(`log file ${path} cannot be opened: ${messageOf(error)}`)
  }
}

export interface Log {
  (event: LogEvent): void
  /** Opens the files anew, after they have been moved away. Why some could not be: their lines go where they went. */
  reopen(): string[]
}

/**
 * Opens log_path, info_log_path and debug_log_path as they are now; all else is as `current` says at each line. Debug lines are
 * written only where mail_debug, auth_debug or verbose_ssl asks.
 */
export function openLog(current: () => Settings): Log {
  const settings = current()
  const format = (event: LogEvent): string => formatLine(current(), event, new Date())
  const lostLine = (count: number): string =>
    format({ level: 'warning', name: 'log.lost', service: 'log', text: `${count} lines could not be written` })
  const files: { path: string; target: LogTarget }[] = []
  const open = (path: string): LogTarget => {
    const standard = standardTarget(path)
    const target = new LogTarget(standard ?? openFile(path), lostLine)
    if (standard === undefined) files.push({ path, target })
    return target
  }
  const errors = open(settings.log_path)
  const infos = settings.info_log_path === '' ? errors : open(settings.info_log_path)
  const debugs = settings.debug_log_path === '' ? infos : open(settings.debug_log_path)
  const log = (event: LogEvent): void => {
    if (event.level === 'debug' && !showsDebug(current(), event)) return
    const target = event.level === 'debug' ? debugs : event.level === 'info' ? infos : errors
    target.write(format(event))
  }
  const reopen = (): string[] => {
    const failed = files.flatMap(({ path, target }) => {
      try {
        target.moveTo(openFile(path))
        return []
      } catch (error) {
        return [messageOf(error)]
      }
    })
    for (const text of failed) log({ level: 'error', name: 'log.reopen', service: 'log', text })
    if (failed.length === 0) log({ level: 'info', name: 'log.reopened', service: 'log', text: 'log files have been opened anew' })
    return failed
  }
  return Object.assign(log, { reopen })
}
