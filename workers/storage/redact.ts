// Configured strings in messages, without what must not be read there.

/** The string with the secret of any URL's userinfo (`://KEY:SECRET@`) left out. */
export const redact = (spec: string): string => spec.replaceAll(/(\/\/[^:@/?]*):[^@]*@/g, '$1:…@')
