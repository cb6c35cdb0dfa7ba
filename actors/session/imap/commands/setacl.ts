// SETACL. RFC 4314 §3.1: `+` adds rights to what an identifier has, `-` takes them, neither replaces them.

import { command, ok } from '../command.ts'
import type { ImapSession } from '../command.ts'
import { mailbox } from '../encode.ts'
import type { Parser } from '../grammar.ts'
import { identifier, ownRights, parseRights, union, without } from '../rights.ts'

/** mod-rights = astring */
function change(p: Parser): { mode: string; rights: string } {
  const [, mode, rights] = /^([+-]?)(.*)$/s.exec(p.astring('rights'))!
  return { mode: mode!, rights: parseRights(rights!) }
}

/** What the identifier has now. */
function present(name: string, who: string, s: ImapSession): string {
  return who === s.user.account.user ? ownRights(name, s) : s.user.acl(name).get(who) ?? ''
}

export default command({
  name: 'SETACL', capability: ['ACL', 'RIGHTS=texk'], states: ['authenticated'], flags: 0,
  parse: (p) => ({ name: p.sp().mailbox(), who: identifier(p.sp()), ...change(p.sp()) }),
  log: ({ name, who, mode, rights }) => `${mailbox(name)} ${who} ${mode}${rights}`,
  async run({ name, who, mode, rights }, s) {
    const before = present(name, who, s)
    const after = mode === '+' ? union(before, rights) : mode === '-' ? without(before, rights) : rights
    await s.user.setAcl(s.context('imap:cmd_setacl'), name, who, after)
    return ok('Setacl completed.')
  },
})
