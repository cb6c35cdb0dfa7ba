// Signs that a store has forgotten the condition of a write (something in front of it may drop the header now and then): the manifest that
// is there cannot have come about where each write replaced what its writer had seen. What shows it is how often an owner has written
// the manifest, and how often the one before it had when it was replaced.
//
// Where one is seen, that is told as an error, and the user's manifests are listed from then on (manifest.ts): what happens now is safe
// again. What happened before is mended as far as it can be: mails are found, and mailboxes that have mails; UIDs that two owners gave
// out at once are given anew. Flags, subscriptions and empty mailboxes of one of them may be lost; and where one UID meant two mails and
// one was expunged before anybody noticed, the comparison with the store takes the other for it.

import type { Effects } from '../../runtime/effects.ts'
import type { FoundManifest, ManifestFacts } from './manifest.ts'
import type { RootState } from './root-state.ts'

/** `found` is in the place of ours, and of the owner that we took the user from: it has written after that. */
export const isOverwritten = ({ took }: RootState, found: FoundManifest): boolean =>
  took !== undefined && found.owner === took.owner && found.epoch >= took.epoch && (found.state?.writes ?? 0) > took.writes

/** `found` is of another owner, and did not replace what we wrote last. */
export const isBypassed = ({ owner, epoch, writes }: RootState, found: FoundManifest): boolean => {
  const took = found.state?.took
  return writes > 0 && (found.epoch === epoch || (took?.owner === owner && took.writes < writes))
}

/** `facts` are of another backend's manifest. One of an epoch before ours was put back by hand, and so was one that does not say whose it is: ours is to take its place. */
export const isAnothers = ({ owner, epoch }: RootState, facts: ManifestFacts): boolean => facts.owner !== '' && facts.owner !== owner && facts.epoch >= epoch

/** A condition was not held. */
export function tellForgotten({ emit }: Effects, user: string): void {
  emit({ level: 'error', name: 'store.condition_ignored', user, text: `The store has replaced the manifest of ${user} against the condition of the write: its manifests are listed from now on; what two backends changed at once may be lost` })
}

/** The manifest was `gone`, or could not be read, and its owner has all that was in it. */
export function tellDamaged({ emit }: Effects, user: string, gone: boolean): void {
  emit({ level: 'error', name: 'metacache.manifest_damaged', user, text: `The manifest of ${user} is ${gone ? 'gone' : 'damaged'}: it is written anew` })
}
