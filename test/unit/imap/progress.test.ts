// INPROGRESS (RFC 9585): a command that takes long says how far it has come, and one that does not says nothing.

import t from 'tap'
import { append, imapEngine } from '../../fixtures/imap-engine.ts'

/** Lets `count` calls through; the others wait for `open`. */
function gate(count: number): { pass: () => Promise<void>; open: () => void; waiting: () => Promise<void> } {
  let open!: () => void
  let begun!: () => void
  const opened = new Promise<void>((resolve) => { open = resolve })
  const waits = new Promise<void>((resolve) => { begun = resolve })
  return {
    pass: () => {
      if (count-- > 0) return Promise.resolve()
      begun()
      return opened
    },
    open, waiting: () => waits,
  }
}

t.test('COPY tells how many are copied', async (t) => {
  const { login, world } = await imapEngine(t, { mail_prefetch_count: 1 })
  const c = await login()
  for (let n = 0; n < 5; n++) await append(c)
  await c.say('CREATE Other')
  await c.say('SELECT INBOX')
  const held = gate(2)
  const { store } = world
  const copy = store.copy.bind(store)
  store.copy = async (from, to, context) => {
    await held.pass()
    return copy(from, to, context)
  }
  c.send('x COPY 1:* Other\r\n')
  await held.waiting()
  c.time.pass(9_000)
  t.notMatch(c.heard, /\[INPROGRESS/)
  c.time.pass(1_000)
  t.match(await c.until(/\[INPROGRESS.*\r\n/), /\* OK \[INPROGRESS \("x" 2 5\)\] Still at it\.\r\n$/)
  c.time.pass(10_000)
  t.match(await c.until(/\[INPROGRESS.*\r\n/), /INPROGRESS \("x" 2 5\)/, 'and again')
  held.open()
  t.match((await c.answer('x')).at(-1), /^OK \[COPYUID/)
  const { length } = c.heard
  c.time.pass(60_000)
  t.equal(c.heard.length, length, 'nothing after it')
})

t.test('SEARCH tells how many are decided, and not in the middle of its answer', async (t) => {
  const { login, world } = await imapEngine(t, { mail_prefetch_count: 1 })
  const c = await login()
  for (let n = 0; n < 4; n++) await append(c, 'INBOX', '', `number ${n}`)
  await c.say('SELECT INBOX')
  const held = gate(1)
  const { store } = world
  const read = store.read.bind(store)
  store.read = async (...args) => {
    await held.pass()
    return read(...args)
  }
  c.send('x SEARCH OR 4 BODY number\r\n')
  await held.waiting()
  c.time.pass(10_000)
  t.match(await c.until(/\[INPROGRESS.*\r\n/), /\* OK \[INPROGRESS \("x" 2 4\)\]/, 'the one known by its number, and the one read')
  held.open()
  t.same(await c.answer('x'), ['* SEARCH 1 2 3 4', 'OK Search completed.'])
})

t.test('a tag that would end the response code is left out, and the goal is never told to be reached', async (t) => {
  const { login, world } = await imapEngine(t, { mail_prefetch_count: 1 })
  const c = await login()
  for (let n = 0; n < 2; n++) await append(c)
  await c.say('CREATE Other')
  await c.say('SELECT INBOX')
  const held = gate(0)
  const { store } = world
  const copy = store.copy.bind(store)
  store.copy = async (from, to, context) => {
    await copy(from, to, context)
    context.cost!.requests = 2
    await held.pass()
  }
  c.send('x] COPY 1:* Other\r\n')
  await held.waiting()
  c.time.pass(10_000)
  t.match(await c.until(/\[INPROGRESS.*\r\n/), /\* OK \[INPROGRESS \(NIL 1 2\)\]/)
  held.open()
  await c.until(/x\] OK/)
})
