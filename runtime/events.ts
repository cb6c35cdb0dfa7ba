// One typed event gives one log line and its metrics: nothing else in the house writes to a log.

export type Level = 'debug' | 'info' | 'warning' | 'error'

/** What happened. `name` is the metric, `text` the line an operator reads, `values` what can be summed or averaged. */
export interface LogEvent {
  level: Level
  /** Dotted and stable, e.g. `imap.login`, `storage.retry`, `user.journal_cut`. */
  name: string
  text: string
  /** Service for mail_log_prefix's %s: imap, lmtp, imap-login, auth … */
  service?: string
  user?: string
  session?: string
  values?: Record<string, number | string>
}
