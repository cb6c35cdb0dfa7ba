// Distinguished names (RFC 4514).

/** A value as it must be written in a DN to stand for itself (RFC 4514 §2.4). */
export const escapeDnValue = (value: string): string =>
  value.replace(/[,+"\\<>;=]|^[ #]| $/g, '\\$&').replaceAll('\0', '\\00')
