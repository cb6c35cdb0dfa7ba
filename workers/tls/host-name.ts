/** A host name that a client has asked for, as filters and logs may have it: lower case; undefined: it cannot be one. */
export const hostName = (name: unknown): string | undefined =>
  (typeof name === 'string' && /^[A-Za-z0-9_.-]{1,255}$/.test(name) ? name.toLowerCase() : undefined)
