// Rights of an access control list: what is told can be said again, and changes are set operations.

import fc from 'fast-check'
import t from 'tap'
import { everyRight, formatRights, parseRights, union, without } from '../../../actors/session/imap/rights.ts'

const letters = fc.array(fc.constantFrom(...everyRight, 'c', 'd'), { maxLength: 15 }).map((all) => all.join(''))
const setOf = (rights: string): Set<string> => new Set([...rights].flatMap((letter) => (letter === 'c' ? ['k', 'x'] : letter === 'd' ? ['t', 'e'] : [letter])))
const sameSet = (rights: string, wanted: ReadonlySet<string>): boolean =>
  rights.length === wanted.size && [...rights].every((letter) => wanted.has(letter))

t.test('parsed: a set of single rights', async () => {
  fc.assert(fc.property(letters, (said) => sameSet(parseRights(said), setOf(said))))
})

t.test('told: the rights, and c and d where any of theirs is there', async () => {
  fc.assert(fc.property(letters.map(parseRights), (rights) => {
    const told = formatRights(rights)
    return told.startsWith(rights) && told.includes('c') === /[kx]/.test(rights) && told.includes('d') === /[te]/.test(rights)
      && parseRights(rights) === rights
  }))
})

t.test('changes', async () => {
  fc.assert(fc.property(letters.map(parseRights), letters.map(parseRights), (one, other) =>
    sameSet(union(one, other), setOf(one).union(setOf(other))) && sameSet(without(one, other), setOf(one).difference(setOf(other)))))
})

t.test('what is no right is refused', async (t) => {
  fc.assert(fc.property(fc.string({ minLength: 1 }).filter((text) => ![...text].every((letter) => /[lrwstipekxacd]/.test(letter))), (text) => {
    try {
      parseRights(text)
      return false
    } catch (error) {
      return (error as Error).message.startsWith('Invalid right')
    }
  }))
  t.equal(parseRights(''), '')
})
