// LIST. RFC 3501 §6.3.8, RFC 5258 (LIST-EXTENDED), RFC 9051 §6.3.9; its return options are in list-return/.

import { Bad, command, ok } from '../command.ts'
import type { ImapSession } from '../command.ts'
import { mailbox } from '../encode.ts'
import { listArguments } from '../list-arguments.ts'
import type { ListArguments } from '../list-arguments.ts'
import { listResponse, namespaceOf } from '../list-response.ts'
import { selectMailboxes } from '../list-selection.ts'
import type { Shown } from '../list-selection.ts'
import { speaksRev2 } from '../revision.ts'

/** An empty pattern asks for the separator, and the root of the reference. */
function listRoot(reference: string, s: ImapSession): void {
  const namespaces = s.user.namespaces()
  const namespace = namespaceOf(reference, namespaces) ?? namespaces.find((n) => n.inbox) ?? namespaces[0]
  const prefix = namespace?.prefix ?? ''
  const root = prefix !== '' && reference.startsWith(prefix) ? prefix : ''
  s.send(listResponse('LIST', ['\\Noselect'], namespace?.separator ?? '/', root, s))
}

function line({ info, childInfo }: Shown, { criteria, returns, extended }: ListArguments, s: ImapSession): string {
  const attributes = info.guid !== undefined ? [] : [extended || speaksRev2(s) ? '\\NonExistent' : '\\Noselect']
  for (const { option } of returns) attributes.push(...option.attributes?.(info) ?? [])
  const response = listResponse('LIST', attributes, info.separator, info.name, s)
  return childInfo ? `${response} (CHILDINFO (${criteria.map((one) => `"${one}"`).join(' ')}))` : response
}

export default command({
  name: 'LIST', capability: 'LIST-EXTENDED', states: ['authenticated'], flags: 0,
  parse: listArguments,
  log: ({ reference, patterns }) => `${mailbox(reference)} ${patterns.map((pattern) => mailbox(pattern)).join(' ')}`,
  async run(args, s) {
    if (!args.extended && args.patterns[0] === '') {
      listRoot(args.reference, s)
      return ok('List completed.')
    }
    for (const { option } of args.returns) if (option.offered?.(s.settings) === false) throw new Bad(`Error in IMAP command LIST: Unknown return option ${option.name}.`)
    for (const shown of selectMailboxes(args, s)) {
      s.send(line(shown, args, s))
      if (shown.info.guid !== undefined) await tellMore(shown, args, s)
      const slow = s.flush()
      if (slow !== undefined) await slow
    }
    return ok('List completed.')
  },
})

/** What else was asked to be returned of a mailbox. */
async function tellMore({ info }: Shown, { returns }: ListArguments, s: ImapSession): Promise<void> {
  for (const { option, args } of returns) {
    const response = await option.response?.(args, info, s)
    if (response !== undefined) s.send(response)
  }
}
