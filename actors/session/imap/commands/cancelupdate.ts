// CANCELUPDATE: ends the updates of searches, named by their tags. RFC 5267 §4.3.5.

import { No, command, ok } from '../command.ts'

export default command({
  name: 'CANCELUPDATE', states: ['selected'], flags: 0,
  parse: (p) => {
    const tags = [p.sp().quoted('a tag')]
    while (p.more()) tags.push(p.quoted('a tag'))
    return tags
  },
  run(tags, s) {
    const { searches } = s.selected
    const unknown = tags.filter((tag) => !searches.delete(tag))
    if (unknown.length > 0) throw new No('', 'Unknown tag.')
    return ok('Updates cancelled.')
  },
})
