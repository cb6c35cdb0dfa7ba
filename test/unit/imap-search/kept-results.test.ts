// Orders and threads of a large mailbox are kept: asked again nothing is read, and the answer is the same until mail comes.

import t from 'tap'
import sort from '../../../actors/session/imap/commands/sort.ts'
import thread from '../../../actors/session/imap/commands/thread.ts'
import { bench } from '../../fixtures/imap-command.ts'
import { ModelMails } from '../../fixtures/model-mails.ts'

const mails = 600

function mailbox(): ModelMails {
  const model = new ModelMails()
  for (let n = 0; n < mails; n++) model.put(`Message-ID: <${n}@x>\n${n % 3 === 0 ? '' : `References: <${n - n % 3}@x>\n`}Subject: ${(n * 7919) % 1000}\n\nbody`)
  return model
}

void t.test('SORT', async (t) => {
  const model = mailbox()
  const first = await bench(model, sort).say('SORT (SUBJECT) UTF-8 ALL')
  t.ok(model.requests.length >= mails, 'no message is in the cache')
  model.requests.length = 0
  t.equal(await bench(model, sort).say('SORT (SUBJECT) UTF-8 ALL'), first, 'another session')
  const some = first.match(/\d+/g)!.filter((seq) => Number(seq) >= 100 && Number(seq) <= 300)
  t.equal(await bench(model, sort).say('SORT (SUBJECT) UTF-8 100:300'), `* SORT ${some.join(' ')}\r\nOK Sort completed`, 'some of them')
  t.strictSame(model.requests, [])
  await bench(model, sort).say('SORT (REVERSE SUBJECT) UTF-8 ALL')
  t.ok(model.requests.length > 0, 'another order is another matter')
  model.put('Subject: 0\n\nnew')
  t.equal((await bench(model, sort).say('SORT (SUBJECT) UTF-8 ALL')).match(/\d+/g)?.indexOf(`${mails + 1}`), 1, 'new mail has its place')
})

void t.test('THREAD', async (t) => {
  const model = mailbox()
  const first = await bench(model, thread).say('THREAD REFERENCES UTF-8 ALL')
  model.requests.length = 0
  t.equal(await bench(model, thread).say('THREAD REFERENCES UTF-8 ALL'), first)
  t.strictSame(model.requests, [])
  t.not(await bench(model, thread).say('THREAD REFS UTF-8 ALL'), '')
  t.ok(model.requests.length > 0, 'another algorithm')
  model.put('Message-ID: <new@x>\nReferences: <597@x>\nSubject: 0\n\nnew')
  t.match(await bench(model, thread).say('THREAD REFERENCES UTF-8 ALL'), `(598 (599)(600)(${mails + 1}))`, 'new mail has its place')
})
