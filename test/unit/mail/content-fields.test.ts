// Content-Type and its kin as mailers write them, and RFC 2231.

import t from 'tap'
import { parseContentType, parseDisposition, parseEncoding, parseLanguages } from '../../../actors/mail/content-fields.ts'
import { decodeParams, paramValue } from '../../../actors/mail/parameters.ts'

void t.test('Content-Type', async (t) => {
  for (const [field, type, params] of [
    ['text/plain', 'text/plain', []],
    ['TEXT/Plain; CHARSET=UTF-8', 'text/plain', [['charset', 'UTF-8']]],
    ['text/plain; charset=us-ascii (Plain text)', 'text/plain', [['charset', 'us-ascii']]],
    ['text/plain; charset="us-ascii"', 'text/plain', [['charset', 'us-ascii']]],
    ['text / plain (a; comment); name="a \\"b\\"; c.txt" ; x=1', 'text/plain', [['name', 'a "b"; c.txt'], ['x', '1']]],
    ['text/plain;;; charset=a;', 'text/plain', [['charset', 'a']]],
    ['text/plain charset=utf-8', 'text/plain', [['charset', 'utf-8']]],
    ['text/plain; charset=utf-8, name=x', 'text/plain', [['charset', 'utf-8'], ['name', 'x']]],
    ['text/plain; name=a,b; charset=a', 'text/plain', [['name', 'a,b'], ['charset', 'a']]],
    ['text/plain; charset="a" name=b', 'text/plain', [['charset', 'a'], ['name', 'b']]],
    ['image/png; name=my holiday picture(1).png; size=3', 'image/png', [['name', 'my holiday picture(1).png'], ['size', '3']]],
    ['multipart/mixed; boundary="unterminated', 'multipart/mixed', [['boundary', 'unterminated']]],
    ['text/html; charset=a; charset=b', 'text/html', [['charset', 'a']]],
    ['text/plain; =x; "junk"; charset=c', 'text/plain', [['charset', 'c']]],
    ['application/vnd.oasis.opendocument.text; name=""', 'application/vnd.oasis.opendocument.text', [['name', '']]],
  ] as const) {
    const parsed = parseContentType(field)!
    t.same([`${parsed.type}/${parsed.subtype}`, parsed.params], [type, params], field)
  }
  for (const field of ['', 'text', 'text/', '/plain', '(text/plain)', ';charset=x', 'a b/c']) t.equal(parseContentType(field), undefined, field)
})

void t.test('other fields', async (t) => {
  t.equal(parseEncoding('"Base64"'), 'base64')
  t.same(parseLanguages('de,,en-GB (English); x'), ['de', 'en-GB', 'x'])
  t.same(parseDisposition('Attachment; FileName="x.txt"'), { type: 'attachment', params: [['filename', 'x.txt']] })
  t.same(parseDisposition('inline'), { type: 'inline', params: [] })
  t.equal(parseDisposition(''), undefined)
  t.same(parseLanguages('de, en-GB (British) ,fr'), ['de', 'en-GB', 'fr'])
  t.same(parseLanguages(' '), [])
  t.equal(parseEncoding('Base64'), 'base64')
  t.equal(parseEncoding(' (oh) Quoted-Printable ; x'), 'quoted-printable')
  t.equal(parseEncoding(''), '7bit')
})

void t.test('continuations, charset, language', async (t) => {
  for (const [params, expected] of [
    [[['url*0', 'ftp://'], ['url*1', 'cs.utk.edu']], [['url', 'ftp://cs.utk.edu']]],
    [[['title*', "us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A"]], [['title', 'This is ***fun***']]],
    [[['title*1*', '%2A%2A'], ['title*0*', "us-ascii'en'This is "], ['title*2', "isn't it!"]], [['title', "This is **isn't it!"]]],
    [[['name', 'fallback'], ['name*', "utf-8''K%C3%B6ln"]], [['name', 'K\u00f6ln']]],
    [[['name', '=?utf-8?Q?K=C3=B6ln?=']], [['name', 'K\u00f6ln']]],
    [[['name', 'K\xc3\xb6ln']], [['name', 'K\u00f6ln']]],
    [[['name*', "x-unknown''%E4"]], [['name', '\u00e4']]],
    [[['name*0', 'a'], ['name*2', 'lost']], [['name', 'a']]],
    [[['name*', 'no quotes%20here']], [['name', 'no quotes here']]],
  ] as [[string, string][], [string, string][]][]) t.same(decodeParams(params), expected)
  t.equal(paramValue([['a', '1'], ['b*0', '2'], ['b*1', '3']], 'b'), '23')
  t.equal(paramValue([['bb', '1']], 'b'), undefined)
})
