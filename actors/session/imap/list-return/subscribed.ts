// RETURN (SUBSCRIBED). RFC 5258 §3.2.

import { listReturnOption } from './option.ts'

export default listReturnOption({
  name: 'SUBSCRIBED',
  parse: () => undefined,
  attributes: ({ subscribed }) => (subscribed ? ['\\Subscribed'] : []),
})
