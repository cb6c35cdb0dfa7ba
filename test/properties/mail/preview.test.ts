// Previews: whatever the text, one short line; of HTML what is not markup.

import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import t from 'tap'
import { htmlText } from '../../../actors/mail/html-text.ts'
import { previewOf, previewRange } from '../../../actors/mail/preview.ts'
import { parse } from '../../fixtures/mails/mails.ts'

const preview = (type: string, body: string): string => {
  const bytes = Buffer.from(`Content-Type: ${type}; charset=utf-8\r\n\r\n${body}`)
  const summary = parse(bytes)
  const range = previewRange(summary)
  return range === undefined ? '' : previewOf(summary, [bytes.subarray(range.start, range.end)])
}

const soup = fc.array(fc.oneof(fc.string(), fc.constantFrom('<', '>', '<!--', '-->', '<style>', '</style>', '<b>', '&#', '&amp;', ';', '> ', '\r\n', '€', '\ud83d\ude00')), { maxLength: 60 })
  .map((pieces) => pieces.join('').toWellFormed())

void t.test('one line of at most 200 characters', async () => {
  fc.assert(fc.property(soup, fc.constantFrom('text/plain', 'text/html'), (body, type) => {
    const text = preview(type, body)
    return [...text].length <= 200 && !/[\r\n\t\0]| {2}|^ | $/.test(text) && text.isWellFormed()
  }), { numRuns: 2000 })
})

void t.test('text survives its markup', async (t) => {
  const word = fc.stringMatching(/^[a-z]{1,8}$/)
  const marked = fc.tuple(word, fc.constantFrom('p', 'div', 'td', 'h1', 'x-y')).map(([text, tag]) => ({ text, html: `<${tag} title="a b">${text}</${tag}>` }))
  fc.assert(fc.property(fc.array(marked, { minLength: 1, maxLength: 10 }), (words) => {
    const html = `<html><head><title>never</title></head><style>p > b { x: y }</style><!-- never <p> -->${words.map((one) => one.html).join('<script>if (a < b) never()</script>')}`
    t.equal(preview('text/html', html), words.map((one) => one.text).join(' '))
  }))
  const escaped = (text: string): string => text.replace(/[&<>"]|[^\x20-\x7e]/gu, (char) => `&#${char.codePointAt(0)};`)
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0')), (text) => htmlText(escaped(text)) === text))
  t.equal(htmlText('a &lt;b&gt; &nope; &#xe4; wo<b>r</b>d 1 < 2'), 'a <b> &nope; ä word 1 < 2')
  const before = performance.now()
  htmlText('<style>'.repeat(20_000) + '<!--'.repeat(20_000) + '<'.repeat(50_000))
  t.ok(performance.now() - before < 2000, 'linear')
})
