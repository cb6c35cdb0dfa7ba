// SEARCH: each key, their combinations, charsets, and what a search reads.

import t from 'tap'
import { Buffer } from 'node:buffer'
import { ObjectNotFound, TempFail } from '../../../runtime/errors.ts'
import { limits } from '../../../runtime/limits.ts'
import search from '../../../actors/session/imap/commands/search.ts'
import { Flag } from '../../../actors/user/types.ts'
import { bench } from '../../fixtures/imap-command.ts'
import { ModelMails } from '../../fixtures/model-mails.ts'

const day = 86_400
const jan2 = Date.UTC(2020, 0, 2) / 1000

const text = [
  'From: Alice <alice@example.org>\nTo: bob@example.com\nSubject: Hello World\nDate: Thu, 2 Jan 2020 23:30:00 -0500\nReceived: by mx1\n\nfirst body',
  'From: =?utf-8?Q?J=C3=B6rg?= <j@x>\nCc: c@x\nSubject: =?iso-8859-1?Q?Gr=FC=DFe?=\n folded\nDate: Fri, 3 Jan 2020 00:30:00 +0900\nX-Empty:\n\nsecond body with Needle',
  'From: third@x\nBcc: secret@x\nSubject: 3\nDate: nonsense\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n'
    + Buffer.from('Grüße aus Köln').toString('base64'),
  'From: fourth@x\nSubject: four\n\n',
]

function mailbox(): ModelMails {
  const model = new ModelMails()
  text.forEach((mail, i) => { model.put(mail, jan2 + i * day - 1) })
  model.setFlags([1], Flag.Seen | Flag.Answered)
  model.setFlags([2], Flag.Flagged | Flag.Draft)
  model.setFlags([3], Flag.Deleted)
  return model
}

/** What is asked → the numbers found. */
const cases: readonly [string, string][] = [
  ['ALL', '1 2 3 4'], ['ANSWERED', '1'], ['UNANSWERED', '2 3 4'], ['DELETED', '3'], ['UNDELETED', '1 2 4'], ['DRAFT', '2'],
  ['UNDRAFT', '1 3 4'], ['FLAGGED', '2'], ['UNFLAGGED', '1 3 4'], ['SEEN', '1'], ['UNSEEN', '2 3 4'],
  ['RECENT', '1 2 3 4'], ['NEW', '2 3 4'], ['OLD', ''],
  ['KEYWORD $Label1', ''], ['UNKEYWORD $Label1', '1 2 3 4'],
  ['LARGER 100', '1 2 3'], ['SMALLER 100', '4'], ['NOT SMALLER 100', '1 2 3'],
  // INTERNALDATE: the last second of 1 Jan, 2 Jan, 3 Jan, 4 Jan (UTC).
  ['ON 1-Jan-2020', '1'], ['BEFORE 2-Jan-2020', '1'], ['SINCE "02-jan-2020"', '2 3 4'], ['ON " 2-Jan-2020"', '2'],
  // The day as it is written in Date, whatever its zone; without a readable Date that of INTERNALDATE.
  ['SENTON 2-Jan-2020', '1'], ['SENTON 3-Jan-2020', '2 3'], ['SENTBEFORE 3-Jan-2020', '1'], ['SENTSINCE 4-Jan-2020', '4'],
  ['FROM alice', '1'], ['FROM "ALICE <alice@"', '1'], ['FROM jörg', '2'], ['FROM JÖRG', '2'], ['TO bob', '1'], ['CC c@', '2'], ['BCC SECRET', '3'],
  ['SUBJECT grüße', '2'], ['SUBJECT "e folded"', '2'], ['SUBJECT {4+}\r\nello', '1'], ['SUBJECT ""', '1 2 3 4'],
  ['HEADER X-Empty ""', '2'], ['HEADER x-none ""', ''], ['HEADER Received mx1', '1'], ['HEADER RECEIVED ""', '1'], ['HEADER Subject four', '4'],
  ['BODY body', '1 2'], ['BODY NEEDLE', '2'], ['BODY hello', ''], ['TEXT hello', '1'], ['BODY köln', '3'], ['TEXT grüße', '2 3'], ['BODY ""', '1 2 3 4'],
  ['1,3', '1 3'], ['2:*', '2 3 4'], ['*', '4'], ['9', ''], ['9:*', '4'], ['3:2', '2 3'],
  ['UID 2:3', '2 3'], ['UID 9:*', '4'], ['UID 100', ''],
  ['UNSEEN UNDELETED', '2 4'], ['OR SEEN DELETED', '1 3'], ['NOT (OR SEEN DELETED)', '2 4'], ['NOT NOT SEEN', '1'],
  ['(2:* UNDELETED) SMALLER 100', '4'], ['OR (SEEN FROM alice) (UNSEEN SUBJECT four)', '1 4'], ['OR FROM alice OR FROM third CC c@x', '1 2 3'],
  ['NOT TEXT body', '3 4'], ['OR BODY needle HEADER Received mx1', '1 2'], ['ALL ', '1 2 3 4'],
]

t.test('every key and combination', async (t) => {
  const { say } = bench(mailbox(), search)
  for (const [asked, found] of cases) {
    t.equal(await say(`SEARCH ${asked}`), `* SEARCH${found === '' ? '' : ` ${found}`}\r\nOK Search completed`, asked)
  }
})

t.test('UID SEARCH answers with UIDs, numbers are still sequence numbers', async (t) => {
  const model = mailbox()
  model.remove([1])
  const { say } = bench(model, search)
  t.equal(await say('UID SEARCH UNSEEN'), '* SEARCH 2 3 4\r\nOK Search completed')
  t.equal(await say('UID SEARCH 1'), '* SEARCH 2\r\nOK Search completed')
  t.equal(await say('SEARCH UID 2'), '* SEARCH 1\r\nOK Search completed')
})

t.test('keywords, without regard to letter case', async (t) => {
  const model = mailbox()
  model.addKeyword('$Label1')
  model.hasKeyword = (row: number, keyword: number) => row === 1 && keyword === 0
  const { say } = bench(model, search)
  t.equal(await say('SEARCH KEYWORD $label1'), '* SEARCH 2\r\nOK Search completed')
  t.equal(await say('SEARCH UNKEYWORD $LABEL1'), '* SEARCH 1 3 4\r\nOK Search completed')
})

t.test('charsets', async (t) => {
  const { say } = bench(mailbox(), search)
  t.equal(await say('SEARCH CHARSET UTF-8 SUBJECT grüße'), '* SEARCH 2\r\nOK Search completed')
  t.equal(await say(Buffer.from('SEARCH CHARSET iso-8859-1 SUBJECT gr\xfc\xdfe', 'latin1')), '* SEARCH 2\r\nOK Search completed')
  t.equal(await say('SEARCH CHARSET US-ASCII TEXT hello'), '* SEARCH 1\r\nOK Search completed')
  t.equal(await say('SEARCH CHARSET klingon TEXT hello'), 'NO [BADCHARSET (US-ASCII UTF-8)] Unknown charset')
})

t.test('what is no search is BAD', async (t) => {
  const { say } = bench(mailbox(), search)
  for (const bad of ['', 'FOO', '()', '(ALL', 'OR SEEN', 'NOT', 'SUBJECT', 'LARGER x', 'ON yesterday', 'ON 32-Jan-2020', 'KEYWORD \\Seen', 'UID', 'UID 0', '0', 'ALL,ALL', 'CHARSET', 'CHARSET UTF-8', 'HEADER Subject']) {
    t.match(await say(`SEARCH ${bad}`), /^BAD /, bad)
  }
})

t.test('nesting is limited, and long chains of OR are not', async (t) => {
  const { say } = bench(mailbox(), search)
  t.match(await say(`SEARCH ${'('.repeat(limits.imapNesting + 1)}ALL${')'.repeat(limits.imapNesting + 1)}`), /^BAD /)
  t.match(await say(`SEARCH ${'NOT '.repeat(limits.searchNesting)}ALL`), /^BAD /)
  t.equal(await say(`SEARCH ${'OR UID 77 '.repeat(limits.searchNesting - 2)}UID 2`), '* SEARCH 2\r\nOK Search completed')
})

t.test('only what the columns leave open is loaded, and only what is asked is read', async (t) => {
  const model = mailbox()
  const { say } = bench(model, search)
  const requests = async (asked: string): Promise<string[]> => {
    model.requests.length = 0
    await say(`SEARCH ${asked}`)
    return model.requests
  }
  t.strictSame(await requests('UNSEEN SINCE 2-Jan-2020 LARGER 1'), [])
  t.strictSame(await requests('TEXT x UNSEEN 1'), [], 'columns decide')
  t.strictSame(await requests('SUBJECT hello SEEN'), ['summary 1'])
  t.strictSame(await requests('OR SEEN SUBJECT four'), ['summary 2', 'summary 3', 'summary 4'])
  t.strictSame(await requests('BODY first SUBJECT nothing SEEN'), ['summary 1'], 'the summary decides')
  t.strictSame(await requests('BODY first TEXT hello NOT BODY x SEEN'), ['summary 1', 'read 1'], 'one reading for all texts')
  t.match((await requests('HEADER Received mx1 SEEN'))[1], /^read 1 0-/, 'the header alone')
  t.strictSame(await requests('HEADER Received mx1 2'), ['summary 2'])
})

t.test('reading stops when all is found', async (t) => {
  const model = new ModelMails()
  model.put(`Subject: s\n\nneedle ${'x'.repeat(10_000)}`)
  let last = 0
  model.obstacle = (_uid, offset) => { last = offset ?? last }
  t.equal(await bench(model, search).say('SEARCH BODY needle'), '* SEARCH 1\r\nOK Search completed')
  t.ok(last < 100)
})

t.test('messages that go, cannot be read now, or never again', async (t) => {
  const model = mailbox()
  const session = bench(model, search, { settings: { mail_prefetch_count: 4 } })
  model.remove([1])
  t.equal(await session.say('SEARCH BODY body'), '* SEARCH 2\r\nOK [EXPUNGEISSUED] Search completed')
  t.equal(await session.say('SEARCH ALL'), '* SEARCH 2 3 4\r\nOK [EXPUNGEISSUED] Search completed')
  model.obstacle = (uid) => { if (uid === 3) throw new TempFail('away') }
  t.equal(await session.say('SEARCH BODY body'), '* SEARCH 2\r\nNO [UNAVAILABLE] Some messages cannot be read now, try again later')
  model.obstacle = (uid) => { if (uid === 3) throw new ObjectNotFound('3') }
  session.events.length = 0
  t.equal(await session.say('SEARCH BODY body'), '* SEARCH 2\r\nOK [EXPUNGEISSUED] Search completed')
  t.equal(session.events[0]?.name, 'imap.search_failed')
  model.obstacle = () => { throw new RangeError('bug') }
  await t.rejects(session.say('SEARCH BODY body'), RangeError)
})

t.test('an empty mailbox', async (t) => {
  const { say } = bench(new ModelMails(), search)
  t.equal(await say('SEARCH 1:*'), '* SEARCH\r\nOK Search completed')
  t.equal(await say('UID SEARCH UID 1:*'), '* SEARCH\r\nOK Search completed')
})
