// RETURN (MYRIGHTS). RFC 8440.

import { mailbox } from '../encode.ts'
import { formatRights, ownRights } from '../rights.ts'
import { listReturnOption } from './option.ts'

export default listReturnOption({
  name: 'MYRIGHTS', capability: 'LIST-MYRIGHTS',
  parse: () => undefined,
  response: (_, { name }, s) => Promise.resolve(`MYRIGHTS ${mailbox(name, s)} ${formatRights(ownRights(name, s))}`),
})
