// Which connections who and kick mean.

import { matcher } from '../../../conf/mask.ts'
import { inNetworks, isNetwork } from '../../../conf/network.ts'
import type { Connection } from '../../anvil-messages.ts'
import type { SessionWorld } from '../types.ts'

/** The connections of `[MASK] [IP[/BITS]]`: a word that is an address or network is one. By user and protocol. */
export async function chosen(words: readonly string[], { effects }: SessionWorld): Promise<Connection[]> {
  const networks = words.filter(isNetwork)
  const masks = words.filter((word) => !isNetwork(word)).map(matcher)
  const all = await effects.ask<Connection[]>('anvil', { kind: 'who' })
  return all
    .filter(({ user, ip }) => masks.every((matches) => matches(user)) && (networks.length === 0 || inNetworks(ip, networks)))
    .sort((a, b) => compare(a.user, b.user) || compare(a.service, b.service))
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
