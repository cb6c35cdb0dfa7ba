// How the name of an object that another server has saved lies in our files, and with it what that server's metadata says for
// POP3: clients that leave mails on the server know them by their UIDLs, and must not fetch all of them again.
//
//   <oid>                          nothing more is known
//   <oid> <order> <uidl>           either may be empty; a UIDL may have blanks

/** Of a mail that was migrated: its UIDL, and its place among the others (from 1). */
export interface Pop3Facts { readonly uidl?: string; readonly order?: number }

export const storedName = (oid: string, pop3: Pop3Facts | undefined): string =>
  (pop3 === undefined ? oid : `${oid} ${pop3.order ?? ''} ${pop3.uidl ?? ''}`)

export function readStoredName(text: string): { oid: string; pop3?: Pop3Facts } {
  const [, oid, order, uidl] = /^([^ ]*) (\d*) (.*)$/s.exec(text) ?? []
  if (oid === undefined) return { oid: text }
  return { oid, pop3: { ...(uidl === '' ? {} : { uidl: uidl! }), ...(order === '' ? {} : { order: Number(order) }) } }
}
