// Where mail may be, as `mail_location` and a userdb's `mail` say it: in object stores only.

/** Throws an Error for a location that begins with another of Dovecot's formats. */
export function checkLocation(location: string): void {
  if (!/^obox:/.test(location)) throw new Error(`mail is kept in object stores only, not in '${location.split(':')[0]}' (say obox:PATH/%u:INDEX=~/)`)
}
