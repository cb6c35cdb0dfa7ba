// Which user's local files go first where the disk is full: the one with the least weight. In seconds (obox reference §2.6):
//
//   when it was last used + what its classes are worth + what its size is worth
//
// metacache_priority_weights: for each class (user roots, full-text indexes, INBOX and \Junk, others) a share of
// metacache_max_space and a time; the time counts while all of the class take no more than the share. Dovecot evicts each class of a
// user by itself. Here users go whole, so that none has to be put together again: the classes' times are weighed by the bytes
// that the user has in each.
// metacache_size_weights: a small size, and the time for size 0, falling to 0 at the small size; a large size, and the time
// there, rising from 0 at the small one.

import { parseSize, parseTime } from '../conf/setting.ts'
import { ConfigError } from '../runtime/errors.ts'
import { totalOf } from './user/local-space.ts'
import type { LocalSpace } from './user/local-space.ts'

interface ClassWeight { share: number; seconds: number }

export interface Weights {
  /** By class: roots, full-text indexes (there are none yet), INBOX and \Junk, others. */
  classes: readonly ClassWeight[]
  small: { bytes: number; seconds: number }
  large: { bytes: number; seconds: number }
}

/** Throws ConfigError. */
export function parseWeights(priorities: string, sizes: string): Weights {
  const words = priorities.trim().split(/\s+/)
  if (words.length !== 8) throw new ConfigError(`metacache_priority_weights = ${priorities}: four times a percentage and a time (such as 10% +1d)`)
  const classes = [0, 2, 4, 6].map((at) => {
    const [, percent] = /^(\d{1,3})%$/.exec(words[at]!) ?? []
    if (percent === undefined) throw new ConfigError(`metacache_priority_weights: '${words[at]}' is no percentage`)
    return { share: Number(percent) / 100, seconds: seconds('metacache_priority_weights', words[at + 1]!) }
  })
  const [smallSize, atZero, largeSize, atLarge, ...more] = sizes.trim().split(/\s+/)
  if (atLarge === undefined || more.length > 0) throw new ConfigError(`metacache_size_weights = ${sizes}: two times a size and a weight (such as 2M +30)`)
  const small = { bytes: parseSize(smallSize!), seconds: seconds('metacache_size_weights', atZero!) }
  const large = { bytes: parseSize(largeSize!), seconds: seconds('metacache_size_weights', atLarge) }
  if (large.bytes <= small.bytes) throw new ConfigError(`metacache_size_weights = ${sizes}: the second size is to be the larger one`)
  return { classes, small, large }
}

/** `+1d`, `+30`, `0`: without a unit, seconds. */
function seconds(setting: string, word: string): number {
  const text = word.replace(/^\+/, '')
  if (/^\d{1,12}$/.test(text)) return Number(text)
  try {
    return parseTime(text) / 1000
  } catch {
    throw new ConfigError(`${setting}: '${word}' is no time`)
  }
}

/** `lastUsed`: seconds; `all`: what all users take; `most`: metacache_max_space. */
export function weightOf(weights: Weights, lastUsed: number, space: LocalSpace, all: LocalSpace, most: number): number {
  return lastUsed + priorityOf(weights, space, all, most) + sizeOf(weights, totalOf(space))
}

function priorityOf({ classes }: Weights, space: LocalSpace, all: LocalSpace, most: number): number {
  const total = totalOf(space)
  if (total === 0) return 0
  const worth = (at: number, of: keyof LocalSpace): number => {
    const { share, seconds } = classes[at]!
    return all[of] <= share * most ? seconds * space[of] / total : 0
  }
  return worth(0, 'root') + worth(2, 'inbox') + worth(3, 'other')
}

function sizeOf({ small, large }: Weights, bytes: number): number {
  if (bytes <= small.bytes) return small.bytes === 0 ? 0 : (small.bytes - bytes) * small.seconds / small.bytes
  return (Math.min(bytes, large.bytes) - small.bytes) * large.seconds / (large.bytes - small.bytes)
}
