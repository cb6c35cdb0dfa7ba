// RETURN (STATUS (MESSAGES …)). RFC 5819. A mailbox whose figures cannot be had now is listed without them (§2).

import { LimitExceeded, TempFail } from '../../../../runtime/errors.ts'
import { MailError } from '../../../user/errors.ts'
import { has } from '../rights.ts'
import { statusItems, statusResponse } from '../status-items.ts'
import { listReturnOption } from './option.ts'

export default listReturnOption({
  name: 'STATUS', capability: 'LIST-STATUS',
  parse: (p) => statusItems(p.sp()),
  async response(wanted, { name }, s) {
    if (!has('r', name, s)) return undefined
    if (wanted.includes('HIGHESTMODSEQ')) s.enable('CONDSTORE')
    try {
      return statusResponse(name, wanted, await s.user.status(s.context('imap:cmd_list_status'), name), s)
    } catch (error) {
      if (error instanceof MailError || error instanceof TempFail || error instanceof LimitExceeded) return undefined
      throw error
    }
  },
})
