// The MIME tree of sample mails: its shape, and the bytes behind each section.

import t from 'tap'
import { partAt, sectionRange } from '../../../actors/mail/summary.ts'
import type { SectionKind } from '../../../actors/mail/summary.ts'
import { crlf, parse, sample, shape } from '../../fixtures/mails/mails.ts'

const section = (message: Uint8Array, path: number[], kind: SectionKind = 'whole'): string | undefined => {
  const range = sectionRange(parse(message), path, kind)
  return range && Buffer.from(message.subarray(range.start, range.end)).toString('latin1').replaceAll('\r\n', '\n')
}

const shapes: Record<string, string> = {
  plain: 'text/plain',
  'alternative-with-image': 'multipart/mixed[multipart/alternative[text/plain text/html] image/png]',
  forwarded: 'multipart/mixed[text/plain message/rfc822[multipart/mixed[text/plain message/rfc822[text/html]]]]',
  digest: 'multipart/digest[message/rfc822[text/plain] text/plain message/rfc822[text/plain]]',
  'no-close-boundary': 'multipart/mixed[text/plain multipart/alternative[text/html]]',
  'boundary-prefixes': 'multipart/mixed[multipart/mixed[multipart/mixed[text/plain] text/plain] text/plain]',
  'headers-only-parts': 'multipart/mixed[text/plain text/html text/plain message/rfc822[text/plain] multipart/mixed[text/plain]]',
  'broken-header': 'text/plain',
}

for (const [name, expected] of Object.entries(shapes)) {
  void t.test(`tree of ${name}`, async (t) => {
    const summary = parse(sample(name))
    t.equal(shape(summary.root), expected)
    t.equal(summary.size, sample(name).length)
    t.equal(summary.root.headerSize + summary.root.bodySize, summary.size)
  })
}

void t.test('a message of one part', async (t) => {
  const message = sample('plain')
  const { root } = parse(message)
  t.equal(root.encoding, '7bit')
  t.same(root.params, [])
  t.equal(root.bodyLines, 6)
  const body = 'Dear Charles,\n\nthe engine weaves algebraical patterns.\n\n-- \nAda\n'
  t.equal(section(message, [], 'TEXT'), body)
  t.equal(section(message, [1]), body, 'part 1 of what is not a multipart is its body')
  t.match(section(message, [1], 'MIME'), /^Return-Path:[^]*\n\n$/)
  t.equal(section(message, [1], 'HEADER'), undefined, 'only a message/rfc822 part has a HEADER')
  t.equal(section(message, [], 'MIME'), undefined)
  t.equal(section(message, [2]), undefined)
  t.equal(section(message, [1, 1]), undefined)
  t.equal(section(message, [])!.length, message.toString().replaceAll('\r\n', '\n').length)
})

void t.test('what the fields of a part say', async (t) => {
  const summary = parse(sample('alternative-with-image'))
  const image = partAt(summary, [2])!
  t.same(image.params, [['name', '=?utf-8?Q?K=C3=B6ln.png?=']])
  t.same(image.disposition, { type: 'attachment', params: [['filename*0*', "utf-8''K%C3%B6ln"], ['filename*1', '.png'], ['size', '68']] })
  t.equal(image.id, '<image@example.org>')
  t.equal(image.description, 'the cathedral')
  t.same(image.language, ['de', 'en'])
  t.equal(image.location, 'http://example.org/koeln.png')
  t.equal(image.md5, 'Q2hlY2sgSW50ZWdyaXR5IQ==')
  t.equal(image.encoding, 'base64')
  const html = partAt(summary, [1, 2])!
  t.same(html.params, [['charset', 'iso-8859-1']])
  t.equal(html.bodyLines, 1)
})

void t.test('the line break before a boundary is not of the part', async (t) => {
  const message = sample('alternative-with-image')
  t.equal(section(message, [1, 1]), 'Sch=C3=B6ne Gr=C3=BC=C3=9Fe, ein lan=\nger Satz.')
  t.equal(section(message, [1, 2]), 'PHA+U2No9m5lIEdy/N9lPC9wPgo=\n')
  t.match(section(message, [1]), /^--outer-alt\n[^]*\n--outer-alt--\n$/)
  t.equal(section(message, [1, 1], 'MIME'), 'Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n')
  t.match(section(message, [], 'TEXT'), /^This is a message of several parts\.\n--outer[^]*--outer--\nNobody reads this\.\n$/)
})

void t.test('embedded messages', async (t) => {
  const message = sample('forwarded')
  t.match(section(message, [2]), /^From: Ada[^]*--xxinner--$/)
  t.match(section(message, [2], 'HEADER'), /^From: Ada[^]*boundary=xxinner\n\n$/)
  t.match(section(message, [2], 'TEXT'), /^--xxinner[^]*--xxinner--$/)
  t.equal(section(message, [2], 'MIME'), 'Content-Type: message/rfc822\nContent-Disposition: inline\n\n')
  t.equal(section(message, [2, 1]), 'inner one')
  t.equal(section(message, [2, 2], 'HEADER'), 'Subject: the innermost\nContent-Type: text/html\n\n')
  t.equal(section(message, [2, 2, 1]), '<p>deep</p>')
  t.equal(section(message, [2, 2, 1, 1]), undefined)
  t.same(partAt(parse(message), [2])!.parts![0]!.envelope, {
    from: 'Ada <ada@example.org>', sender: 'secretary@example.org', replyTo: 'Ada <reply@example.org>', to: 'charles@example.net',
    cc: 'group: a@example.org, b@example.org;', bcc: 'hidden@example.org', subject: 'The engine',
    date: 'Mon, 23 Nov 2026 21:05:59 +0100', inReplyTo: '<zero@example.org>', messageId: '<one@example.org>',
  })
})

void t.test('a part whose close boundary is missing reaches to the end', async (t) => {
  const message = sample('no-close-boundary')
  t.equal(section(message, [2, 1]), '<b>cut\n')
  t.match(section(message, [2]), /^--bb\n[^]*<b>cut\n$/)
})

void t.test('boundaries that begin with each other; boundary lines after the end', async (t) => {
  const message = sample('boundary-prefixes')
  t.equal(section(message, [1, 1, 1]), 'innermost')
  t.equal(section(message, [1, 2]), 'middle')
  t.equal(section(message, [2]), 'outer')
})

void t.test('the longest boundary wins, even if an inner one matches', async (t) => {
  const message = crlf('Content-Type: multipart/mixed; boundary=bb\n\n--bb\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\ninner\n--bb\n\nouter\n--bb--\n')
  t.equal(shape(parse(message).root), 'multipart/mixed[multipart/mixed[text/plain] text/plain]')
  t.equal(section(message, [2]), 'outer')
})

void t.test('of equal boundaries the innermost wins', async (t) => {
  const message = crlf('Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n1\n--b--\n--b\n\n2\n--b--\n')
  t.equal(shape(parse(message).root), 'multipart/mixed[multipart/mixed[text/plain] text/plain]')
})

void t.test('a bare LF ends a line, too', async (t) => {
  const message = Buffer.from('Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo\r\n--b--\n')
  t.equal(section(message, [1]), 'one')
  t.equal(section(message, [2]), 'two')
})

void t.test('parts without body, without header, without anything', async (t) => {
  const message = sample('headers-only-parts')
  t.equal(section(message, [1]), '')
  t.equal(section(message, [1], 'MIME'), '')
  t.equal(section(message, [2], 'MIME'), 'Content-Type: text/html')
  t.equal(section(message, [3], 'MIME'), '\n')
  t.equal(section(message, [3]), '')
  t.equal(section(message, [4], 'HEADER'), '')
  t.equal(section(message, [5]), 'nothing of it')
})

void t.test('broken headers', async (t) => {
  const { header, omitted, root } = parse(sample('broken-header'))
  t.equal(Buffer.from(header).toString(), [
    'Subject : spaces before the colon', 'Content-Type: text', ' with no subtype', 'X-Empty:',
    'To: x@example.org,', '\ty@example.org', ' ', 'Cc: z@example.org', '',
  ].join('\r\n'))
  t.same(omitted, [])
  t.equal(root.bodySize, 6)
})

void t.test('messages of nearly nothing', async (t) => {
  for (const [text, headerSize, bodySize, bodyLines] of [
    ['', 0, 0, 0], ['\r\n', 2, 0, 0], ['\r', 1, 0, 0], ['x', 1, 0, 0], ['A: b', 4, 0, 0], ['A: b\r\n', 6, 0, 0],
    ['\r\nx', 2, 1, 0], ['A: b\r\n\r\nx\r\ny', 8, 4, 1], ['\n\nx\n', 1, 3, 2], ['\0\0\r\n\r\n\0', 6, 1, 0],
  ] as const) {
    const { root, size } = parse(Buffer.from(text, 'latin1'))
    t.match(root, { headerOffset: 0, headerSize, bodySize, bodyLines, type: 'text', subtype: 'plain' }, JSON.stringify(text))
    t.equal(size, text.length)
  }
})

void t.test('header fields worth keeping, and the names of the others', async (t) => {
  const long = `X-Long: ${'y'.repeat(3000)}\n`
  const { header, omitted } = parse(crlf(`Received: a\nSubject: s\n${long}received: b\nDKIM-Signature: c\nTo: t\n\nbody`))
  t.equal(Buffer.from(header).toString(), 'Subject: s\r\nTo: t\r\n')
  t.same(omitted, ['received', 'x-long', 'dkim-signature'])
})

void t.test('a header without its last line break is left to the message', async (t) => {
  const { header, omitted } = parse(Buffer.from('A: b\r\nSubject: cut'))
  t.equal(Buffer.from(header).toString(), 'A: b\r\n')
  t.same(omitted, ['subject'])
})

void t.test('so many names left out that all are in doubt', async (t) => {
  const fields = Array.from({ length: 200 }, (_, i) => `X-${'n'.repeat(20)}-${i}: ${'v'.repeat(50)}\n`).join('')
  const { omitted } = parse(crlf(`${fields}\n`), { cachedFieldBytes: 40, cachedHeaderBytes: 1000 })
  t.same(omitted, ['*'])
})

void t.test('multiparts that are none', async (t) => {
  t.equal(shape(parse(crlf('Content-Type: multipart/mixed\n\n--x\n\n--x--\n')).root), 'text/plain', 'no boundary')
  t.equal(shape(parse(crlf('Content-Type: multipart/mixed; boundary=""\n\n--\n\n----\n')).root), 'text/plain', 'an empty boundary')
  t.equal(shape(parse(crlf('Content-Type: multipart/mixed; boundary=x\n\nno part\n')).root), 'multipart/mixed[text/plain]', 'no part')
  t.equal(shape(parse(crlf('Content-Type: message/global\n\nSubject: x\n\ny')).root), 'message/global[text/plain]')
  t.equal(shape(parse(crlf('Content-Type: message/global\nContent-Transfer-Encoding: base64\n\nU3ViamVjdA==')).root), 'message/global')
  t.equal(shape(parse(crlf('Content-Type: message/delivery-status\n\nReporting-MTA: x')).root), 'message/delivery-status')
})

void t.test('boundaries that mailers write', async (t) => {
  for (const [param, line] of [
    ['boundary=----=_Part_1.2', '------=_Part_1.2'], ['boundary="with space "', '--with space'], ['BOUNDARY = x (comment)', '--x'],
    ["boundary*=us-ascii''a%20b", '--a b'], ['boundary*0=a; boundary*1=b', '--ab'], ['charset=x boundary="y"', '--y'],
    [`boundary=${'z'.repeat(300)}`, `--${'z'.repeat(300)}`], ['boundary=x', '--x \t'],
  ] as const) {
    t.equal(shape(parse(crlf(`Content-Type: multipart/mixed; ${param}\n\n${line}\nContent-Type: text/html\n\nx\n${line.trimEnd()}--\n`)).root),
      'multipart/mixed[text/html]', param)
  }
})

void t.test('limits: depth', async (t) => {
  let message = 'text\n'
  for (let i = 0; i < 10; i++) message = `Content-Type: multipart/mixed; boundary=b${i}.\n\n--b${i}.\n${message}\n--b${i}.--\n`
  const deep = shape(parse(crlf(message)).root)
  t.equal(deep.match(/multipart/g)!.length, 10)
  const cut = shape(parse(crlf(message), { mimeDepth: 3 }).root)
  t.equal(cut, 'multipart/mixed[multipart/mixed[multipart/mixed[text/plain]]]')
})

void t.test('limits: parts; the rest belongs to the last one', async (t) => {
  const message = crlf(`Content-Type: multipart/mixed; boundary=b\n\n${'--b\n\nx\n'.repeat(50)}--b--\n`)
  t.equal(parse(message).root.parts!.length, 50)
  const { root } = parse(message, { mimeParts: 10 })
  t.equal(root.parts!.length, 9, 'the message itself is one of ten')
  const last = root.parts![8]!
  t.equal(last.headerOffset + last.headerSize + last.bodySize, message.length)
})

void t.test('limits: bytes of header fields', async (t) => {
  const part = `--b\nContent-Description: ${'d'.repeat(100)}\n\nx\n`
  const { root } = parse(crlf(`Content-Type: multipart/mixed; boundary=b\n\n${part.repeat(20)}--b--\n`), { headerBytes: 550 })
  t.equal(root.parts!.filter((p) => p.description !== undefined).length, 5)
  const cut = parse(crlf(`Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Description: ${'d'.repeat(1000)}\n\nx\n`), { mimeFieldBytes: 100 })
  t.equal(cut.root.parts![0]!.description!.length, 100 - 'Content-Description: '.length)
})
