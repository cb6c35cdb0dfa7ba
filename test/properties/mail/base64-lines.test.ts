// Base64 in lines, however the bytes come.

import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import t from 'tap'
import { Base64Lines } from '../../../actors/mail/base64-lines.ts'

void t.test('lines of at most 76 characters, which decode to the bytes', async () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 }), (pieces) => {
    const lines = new Base64Lines()
    const text = Buffer.concat([...pieces.map((piece) => lines.push(piece)), lines.finish()]).toString('latin1')
    const whole = Buffer.concat(pieces)
    const shaped = text === '' ? whole.length === 0 : text.endsWith('\r\n') && text.slice(0, -2).split('\r\n').every((line, i, all) => (i < all.length - 1 ? line.length === 76 : line.length <= 76 && line !== ''))
    return shaped && Buffer.from(text, 'base64').equals(whole)
  }))
})
