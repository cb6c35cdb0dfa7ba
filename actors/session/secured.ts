// %c of log lines: how a connection is protected.

import type { SessionSeed } from './seed.ts'

/** `TLS`; `secured`: by whom it comes from or through; nothing: not at all. */
export const howSecured = ({ tls, secured }: SessionSeed): string[] => (tls !== undefined ? ['TLS'] : secured ? ['secured'] : [])
