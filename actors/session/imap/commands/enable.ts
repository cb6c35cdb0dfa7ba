// ENABLE. RFC 5161: unknown names are left out of the answer, and no error. QRESYNC means CONDSTORE too (RFC 7162 §3.2.3).
// What the others change is told in revision.ts.

import { command, ok } from '../command.ts'

/** Extensions that change nothing until a client asks for them. IMAP4rev2 stands among the revisions in CAPABILITY. */
const extensions = ['CONDSTORE', 'QRESYNC', 'UIDONLY', 'UTF8=ACCEPT']
const enablable: ReadonlyMap<string, string> = new Map(['IMAP4rev2', ...extensions].map((name) => [name.toUpperCase(), name]))

export default command({
  name: 'ENABLE', capability: ['ENABLE', ...extensions], states: ['authenticated'], flags: 0,
  parse: (p) => {
    const names = [p.sp().word('a capability')]
    while (p.more()) names.push(p.word('a capability'))
    return names
  },
  log: (names) => names.join(' '),
  run(names, s) {
    const enabled = [...new Set(names)].filter((name) => enablable.has(name))
    s.send(['ENABLED', ...enabled.map((name) => enablable.get(name)!)].join(' '))
    for (const name of enabled) s.enable(name)
    if (enabled.includes('QRESYNC')) s.enable('CONDSTORE')
    return ok('Enabled.')
  },
})
