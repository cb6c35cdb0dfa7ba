// SORT and THREAD: what they read, how much of it they may, and messages that cannot be read. Orders are in test/transcripts.

import t from 'tap'
import { ObjectNotFound, TempFail } from '../../../runtime/errors.ts'
import search from '../../../actors/session/imap/commands/search.ts'
import sort from '../../../actors/session/imap/commands/sort.ts'
import thread from '../../../actors/session/imap/commands/thread.ts'
import { bench } from '../../fixtures/imap-command.ts'
import { ModelMails } from '../../fixtures/model-mails.ts'

/** Subjects c, b, a; that of the last is too long for the message cache. */
function mailbox(): ModelMails {
  const model = new ModelMails()
  for (const subject of ['c', 'b', `a ${'x'.repeat(3000)}`]) model.put(`Message-ID: <${subject[0]}@x>\nReferences: <c@x>\nSubject: ${subject}\n\nbody`)
  return model
}

t.test('messages in the cache are not opened, the others once', async (t) => {
  const model = mailbox()
  model.cached.add(1).add(2)
  const { say } = bench(model, sort)
  t.equal(await say('SORT (SUBJECT) UTF-8 1:2'), '* SORT 2 1\r\nOK Sort completed')
  t.strictSame(model.requests, [])
  t.equal(await say('SORT (SUBJECT REVERSE FROM) UTF-8 ALL'), '* SORT 3 2 1\r\nOK Sort completed')
  t.strictSame(model.requests.map((request) => request.replace(/ 0-\d+/, '')), ['summary 3', 'read 3'])
  model.requests.length = 0
  t.equal(await say('SORT (REVERSE ARRIVAL SIZE) UTF-8 ALL'), '* SORT 1 2 3\r\nOK Sort completed')
  t.strictSame(model.requests, [])
})

t.test('mail_sort_max_read_count', async (t) => {
  const model = mailbox()
  model.cached.add(1)
  const refused = 'NO [LIMIT] Requested sort would have taken too long.'
  const one = bench(model, sort, { settings: { mail_sort_max_read_count: 1 } })
  t.equal(await one.say('SORT (SUBJECT) UTF-8 ALL'), refused)
  t.strictSame(model.requests, [], 'refused before anything is read')
  t.equal(await one.say('SORT (SUBJECT) UTF-8 1:2'), '* SORT 2 1\r\nOK Sort completed')
  t.equal(await one.say('SORT (SIZE) UTF-8 ALL'), '* SORT 1 2 3\r\nOK Sort completed')
  const two = bench(model, sort, { settings: { mail_sort_max_read_count: 2 } })
  t.equal(await two.say('SORT (SUBJECT) UTF-8 ALL'), '* SORT 3 2 1\r\nOK Sort completed')
  one.view.saved = Uint32Array.of(1)
  t.equal(await one.say('SORT RETURN (SAVE) (SUBJECT) UTF-8 ALL'), refused)
  t.strictSame([...one.view.saved], [], 'a refused SAVE leaves nothing')
})

t.test('messages that cannot be read now, or never again, or are gone', async (t) => {
  const model = mailbox()
  const sorting = bench(model, sort)
  model.obstacle = () => { throw new TempFail('away') }
  t.equal(await sorting.say('SORT (REVERSE SUBJECT) UTF-8 ALL'), '* SORT 1 2 3\r\nNO [UNAVAILABLE] Some messages cannot be read now, try again later')
  t.equal(sorting.events.length, 1)
  const threading = bench(model, thread)
  t.equal(await threading.say('THREAD REFERENCES UTF-8 ALL'), '* THREAD (1 2)(3)\r\nNO [UNAVAILABLE] Some messages cannot be read now, try again later')
  model.obstacle = () => { throw new ObjectNotFound('key') }
  t.equal(await sorting.say('SORT (SUBJECT) UTF-8 ALL'), '* SORT 3 2 1\r\nOK Sort completed', 'what is lost for ever spoils nothing')
  model.obstacle = undefined
  t.equal(await threading.say('THREAD REFERENCES UTF-8 ALL'), '* THREAD (1 (2)(3))\r\nOK Thread completed')
  model.remove([2])
  t.equal(await sorting.say('SORT (SUBJECT) UTF-8 ALL'), '* SORT 3 1\r\nOK [EXPUNGEISSUED] Sort completed')
})

t.test('SEARCH takes headers from the cache', async (t) => {
  const model = mailbox()
  model.cached.add(1).add(2)
  const { say } = bench(model, search)
  t.equal(await say('SEARCH 1:2 SUBJECT b'), '* SEARCH 2\r\nOK Search completed')
  t.equal(await say('SEARCH NOT SUBJECT b SMALLER 200'), '* SEARCH 1\r\nOK Search completed')
  t.strictSame(model.requests, [])
  t.equal(await say('SEARCH SUBJECT b'), '* SEARCH 2\r\nOK Search completed')
  t.strictSame(model.requests.map((request) => request.replace(/ 0-\d+/, '')), ['summary 3', 'read 3'])
})

t.test('long answers in pieces, waiting for a slow client', async (t) => {
  const model = new ModelMails()
  model.add(9000)
  const searching = bench(model, search)
  let waits = 0
  searching.onFlush = () => { waits++ }
  const odd = Array.from({ length: 4500 }, (_, i) => 2 * i + 1).join(',')
  t.equal(await searching.say(`SEARCH RETURN (ALL) ${odd}`), `* ESEARCH (TAG "a") ALL ${odd}\r\nOK Search completed`)
  t.ok(waits > 1)
})
