// How much of the local disk a user's files take, by what they are for. Sizes are those of files, each rounded up to the blocks
// that a file system gives out: most files of a user are smaller than one.

const blockBytes = 4096

/** What a file of so many bytes takes. */
export const onDisk = (size: number): number => Math.ceil(size / blockBytes) * blockBytes

/** Bytes by class (obox reference §2.6): the user's root; INBOX and \Junk; other mailboxes. */
export interface LocalSpace { root: number; inbox: number; other: number }

export const noSpace: LocalSpace = { root: 0, inbox: 0, other: 0 }

export const totalOf = ({ root, inbox, other }: LocalSpace): number => root + inbox + other
