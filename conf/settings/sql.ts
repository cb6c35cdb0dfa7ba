// What stands in the file that `passdb { driver = sql }` and `userdb { driver = sql }` name in `args` (conf/sql-file.ts).

import { acts, bool, choice, text } from '../setting.ts'

export const sqlSettings = {
  driver: choice(['', 'pgsql'], '', 'The kind of database: pgsql, which is PostgreSQL.', acts),
  connect: text('', 'How it is reached: libpq\'s `name=value` pairs; several `host=` are tried in turn.', { ...acts, secret: true }),
  password_query: text('SELECT username, domain, password FROM users WHERE username = \'%n\' AND domain = \'%d\'', 'Finds who logs in: one row, whose columns are fields.', acts),
  user_query: text('SELECT home, uid, gid FROM users WHERE username = \'%n\' AND domain = \'%d\'', 'Finds a user: one row, whose columns are fields.', acts),
  iterate_query: text('SELECT username, domain FROM users', 'Finds all users: the column user, or username and domain.', acts),
  update_query: text('UPDATE users SET password = \'%w\' WHERE username = \'%n\' AND domain = \'%d\'', 'Changes a password; nothing does that, in Dovecot neither.'),
  default_pass_scheme: text('MD5', 'Scheme of passwords that name none.', acts),
  userdb_warning_disable: bool(false, 'Obsolete, and of no effect in Dovecot either.', acts),
} as const
