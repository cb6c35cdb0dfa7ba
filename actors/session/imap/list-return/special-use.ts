// RETURN (SPECIAL-USE). RFC 6154 §4.

import { listReturnOption } from './option.ts'

export default listReturnOption({
  name: 'SPECIAL-USE', capability: 'SPECIAL-USE',
  parse: () => undefined,
  attributes: ({ specialUse }) => specialUse,
})
