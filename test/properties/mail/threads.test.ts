// REFERENCES threading compared with the steps of RFC 5256 §4 taken literally, over objects.

import fc from 'fast-check'
import t from 'tap'
import { threadText } from '../../../actors/mail/thread-text.ts'
import { Threads } from '../../../actors/mail/threads.ts'

interface Mail { id: string | undefined; references: string[]; date: number; subject: string; reply: boolean }

interface Container { message: number | undefined; parent: Container | undefined; children: Container[] }

const isAbove = (above: Container, below: Container | undefined): boolean => below !== undefined && (below === above || isAbove(above, below.parent))

function detach(child: Container): void {
  if (child.parent) child.parent.children = child.parent.children.filter((other) => other !== child)
  child.parent = undefined
}

function attach(parent: Container, child: Container): void {
  if (isAbove(child, parent)) return
  child.parent = parent
  parent.children.push(child)
}

/** Steps (1) to (6), as text. */
function slowReferences(mails: readonly Mail[]): string {
  const byId = new Map<string, Container>()
  const all: Container[] = []
  const make = (): Container => {
    const container: Container = { message: undefined, parent: undefined, children: [] }
    all.push(container)
    return container
  }
  const named = (id: string): Container => {
    if (!byId.has(id)) byId.set(id, make())
    return byId.get(id)!
  }
  for (const [index, { id, references }] of mails.entries()) {
    const mine = id === undefined || named(id).message !== undefined ? make() : named(id)
    mine.message = index
    references.forEach((id, i) => { if (i > 0 && !named(id).parent) attach(named(references[i - 1]!), named(id)); else named(id) })
    detach(mine)
    if (references.length > 0) attach(named(references.at(-1)!), mine)
  }
  const prune = (children: Container[], atRoot: boolean): Container[] => children.flatMap((child) => {
    child.children = prune(child.children, false)
    if (child.message !== undefined) return [child]
    return atRoot && child.children.length > 1 ? [child] : child.children
  })
  let roots = prune(all.filter(({ parent }) => !parent), true)
  const first = (c: Container): number => c.message ?? first(c.children[0]!)
  const byDate = (children: Container[]): Container[] => {
    for (const child of children) child.children = byDate(child.children)
    return children.sort((a, b) => mails[first(a)]!.date - mails[first(b)]!.date || first(a) - first(b))
  }
  roots = byDate(roots)
  const facts = new Map(roots.map((root) => [root, mails[first(root)]!]))
  const table = new Map<string, Container>()
  for (const root of roots) {
    const { subject, reply } = facts.get(root)!
    if (subject === '') continue
    const there = table.get(subject)
    if (!there || (there.message !== undefined && (root.message === undefined || (facts.get(there)!.reply && !reply)))) table.set(subject, root)
  }
  for (const root of [...roots]) {
    const { subject, reply } = facts.get(root)!
    const there = table.get(subject)
    if (subject === '' || !there || there === root) continue
    roots = roots.filter((other) => other !== root)
    if (there.message === undefined && root.message === undefined) there.children.push(...root.children)
    else if (there.message === undefined || (reply && !facts.get(there)!.reply)) there.children.push(root)
    else {
      const both: Container = { message: undefined, parent: undefined, children: [there, root] }
      roots[roots.indexOf(there)] = both
      table.set(subject, both)
      facts.set(both, facts.get(there)!)
    }
  }
  const text = (c: Container): string => {
    const own = c.message === undefined ? '' : String(c.message + 1)
    if (c.children.length === 1) return `${own}${own === '' ? '' : ' '}${text(c.children[0]!)}`
    return own + (own !== '' && c.children.length > 0 ? ' ' : '') + c.children.map((child) => `(${text(child)})`).join('')
  }
  return byDate(roots).map((root) => `(${text(root)})`).join('')
}

function finished<T>(steps: Generator<undefined, T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

function threadsOf(mails: readonly Mail[], order: readonly number[]): Threads {
  const threads = new Threads(mails.length)
  for (const index of order) threads.put(index, { messageId: mails[index]!.id, references: mails[index]!.references, date: mails[index]!.date })
  return threads
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)

function fastReferences(mails: readonly Mail[], order: readonly number[]): string {
  const forest = finished(threadsOf(mails, order).references(mails.map(({ subject }) => subject), mails.map(({ reply }) => reply)))
  return [...threadText(forest, numbers(mails.length))].join('')
}

const id = fc.constantFrom(...'abcdefghij')
const mail: fc.Arbitrary<Mail> = fc.record({
  id: fc.option(id, { nil: undefined, freq: 8 }), references: fc.array(id, { maxLength: 4 }), date: fc.nat(6),
  subject: fc.constantFrom('', 'A', 'B', 'C', 'D'), reply: fc.boolean(),
})

t.test('as the steps say', async (t) => {
  const mails = fc.array(mail, { maxLength: 12, size: 'max' })
  fc.assert(fc.property(mails, fc.boolean(), (mails, backwards) => {
    const order = numbers(mails.length).map((n) => n - 1)
    return fastReferences(mails, backwards ? order.reverse() : order) === slowReferences(mails)
  }), { numRuns: 6000 })
  t.pass('always')
})

t.test('without subjects, threads by their newest message', async (t) => {
  const mails: Mail[] = [
    { id: 'a', references: [], date: 1, subject: 'A', reply: false }, { id: 'b', references: [], date: 2, subject: 'A', reply: false },
    { id: 'c', references: ['a'], date: 3, subject: 'A', reply: true }, { id: 'd', references: ['x', 'y'], date: 0, subject: '', reply: false },
    { id: 'e', references: ['x', 'z'], date: 9, subject: '', reply: false },
  ]
  const forest = finished(threadsOf(mails, [0, 1, 2, 3, 4]).refs())
  t.equal([...threadText(forest, numbers(5))].join(''), '(2)(1 3)((4)(5))')
})

t.test('a thread as deep as the mailbox, in either direction', async (t) => {
  const count = 50_000
  for (const forwards of [true, false]) {
    const mails = numbers(count).map((n): Mail => {
      const parent = forwards ? n - 1 : n + 1
      return { id: `m${n}`, references: parent > 0 && parent <= count ? [`m${parent}`] : [], date: n, subject: '', reply: false }
    })
    const expected = numbers(count)
    t.equal(fastReferences(mails, numbers(count).map((n) => n - 1)), `(${(forwards ? expected : expected.reverse()).join(' ')})`)
  }
})
