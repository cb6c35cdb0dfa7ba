// The protocols a session worker can speak. A new one is a machine of its own under actors/session/ and one line here.

import { adminSession } from '../actors/session/admin/machine.ts'
import { imapSession } from '../actors/session/imap/machine.ts'
import { lmtpSession } from '../actors/session/lmtp/machine.ts'
import type { SessionFactory } from '../actors/session/types.ts'
import type { ProtocolName } from '../actors/session/seed.ts'

export interface Protocol {
  session: SessionFactory
  /** What a client is told when its session died with its worker. */
  farewell: string
}

export const protocols: Partial<Record<ProtocolName, Protocol>> = {
  imap: { session: imapSession, farewell: '* BYE [UNAVAILABLE] Internal error occurred, please reconnect.\r\n' },
  admin: { session: adminSession, farewell: '{"exit":75,"error":"Internal error occurred, please try again"}\n' },
  lmtp: { session: lmtpSession, farewell: '421 4.3.0 Temporary internal error\r\n' },
}
