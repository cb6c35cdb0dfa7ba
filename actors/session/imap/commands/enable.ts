// ENABLE. RFC 5161: unknown names are left out of the answer, and no error.

import { command, ok } from '../command.ts'

/** Extensions that change nothing until a client asks for them. */
const enablable: ReadonlySet<string> = new Set()

export default command({
  name: 'ENABLE', capability: 'ENABLE', states: ['authenticated'], flags: 0,
  parse: (p) => {
    const names = [p.sp().word('a capability')]
    while (p.take(' ')) names.push(p.word('a capability'))
    return names
  },
  log: (names) => names.join(' '),
  run(names, s) {
    const enabled = [...new Set(names)].filter((name) => enablable.has(name))
    for (const name of enabled) s.enable(name)
    s.send(['ENABLED', ...enabled].join(' '))
    return ok('Enabled.')
  },
})
