// A mailbox opened by EXAMINE changes nothing. RFC 3501 §6.3.2.

import { No } from './command.ts'
import type { Selected } from './command.ts'

export function mustBeWritable({ readOnly }: Selected): void {
  if (readOnly) throw new No('READ-ONLY', 'Mailbox is read-only.')
}
