// RETURN (CHILDREN). RFC 5258 §3.2, §4.

import { listReturnOption } from './option.ts'

export default listReturnOption({
  name: 'CHILDREN', capability: 'CHILDREN',
  parse: () => undefined,
  attributes: ({ hasChildren }) => [hasChildren ? '\\HasChildren' : '\\HasNoChildren'],
})
