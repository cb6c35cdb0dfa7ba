// Whatever a stranger types as a user name, it stays a value: in filters (RFC 4515) and in DNs (RFC 4514).

import { isUtf8 } from 'node:buffer'
import fc from 'fast-check'
import { AndFilter, BerReader, BerWriter, EqualityFilter, FilterParser, SubstringFilter } from 'ldapts'
import t from 'tap'
import { expand } from '../../../conf/expand.ts'
import { escapeDnValue } from '../../../workers/ldap/dn.ts'
import { escapeFilterValue, parseFilter } from '../../../workers/ldap/filter.ts'

/** Names made to break out, and any others. */
const name = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
  fc.array(fc.constantFrom('*', '(', ')', '\\', '\0', '|', '&', '!', '=', ')(uid=*', '\\2a', '%u', '%{ldap:x}', ' ', ',', '+', '"', '#', ';', '<', '>', 'ü')).map((parts) => parts.join('')),
)

t.test('an escaped value is read back as it was', async () => {
  fc.assert(fc.property(name, (value) => {
    const filter = parseFilter(`(uid=${escapeFilterValue(value)})`)
    return filter instanceof EqualityFilter && filter.value === value
  }), { numRuns: 2000 })
})

t.test('a user name changes nothing of a filter but the values', async (t) => {
  fc.assert(fc.property(name, fc.constantFrom('%u', '%Lu', '%Uu', '%3u', '%2.5u', '%-3.9u', '%Ru', '%Tu', '%Eu', '%010u', '%{if;%u;eq;x;%u;%u}', '%{user}'), (user, variable) => {
    const value = expand(variable, { user })
    const filter = parseFilter(expand(`(&(objectClass=person)(|(uid=${variable})(mail=a${variable}b*)(cn=*${variable}*)))`, { user }, escapeFilterValue))
    if (!(filter instanceof AndFilter) || filter.filters.length !== 2) return false
    const [, or] = filter.filters as [unknown, { filters: [EqualityFilter, SubstringFilter, SubstringFilter] }]
    const [uid, mail, cn] = or.filters
    t.same([uid.value, mail.initial, mail.any, mail.final, cn.initial, cn.any, cn.final], [value, `a${value}b`, [], '', '', value === '' ? [] : [value], ''])
    return or.filters.length === 3
  }), { numRuns: 1000 })
})

t.test('what goes over the wire is what was meant', async () => {
  fc.assert(fc.property(name, (value) => {
    const writer = new BerWriter()
    parseFilter(`(!(cn;lang-de=${escapeFilterValue(value)}))`).write(writer)
    const sent = FilterParser.parse(new BerReader(writer.buffer)) as unknown as { filter: EqualityFilter }
    return sent.filter.attribute === 'cn;lang-de' && sent.filter.value === value
  }), { numRuns: 500 })
})

/** RFC 4514 §3, read strictly: the values of a DN's attributes. */
function dnValues(dn: string): string[] {
  const values: string[] = []
  let value = ''
  let begun = false
  for (let i = 0; i < dn.length; i++) {
    const char = dn[i]!
    if (char === '\\') {
      const hex = /^[0-9a-fA-F]{2}/.exec(dn.slice(i + 1))
      value += hex === null ? dn[i + 1]! : String.fromCharCode(Number.parseInt(hex[0], 16))
      i += hex === null ? 1 : 2
    } else if (char === '=' && !begun) begun = true
    else if (char === ',' || char === '+') {
      values.push(value)
      value = ''
      begun = false
    } else if (begun) {
      if ('"<>;='.includes(char) || (value === '' && (char === ' ' || char === '#'))) throw new Error(`bare ${char} in ${dn}`)
      value += char
    }
  }
  return [...values, value]
}

t.test('a user name changes nothing of a DN but the value', async () => {
  fc.assert(fc.property(name.filter((value) => value !== ''), (value) => {
    const dn = `uid=${escapeDnValue(value)},ou=people,dc=example`
    const values = dnValues(dn)
    return values.length === 3 && values[0] === value && !/(?<!\\) ,ou=/.test(dn)
  }), { numRuns: 2000 })
})

t.test('bytes that are no UTF-8 can be searched for', async () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 16 }).filter((bytes) => !isUtf8(bytes)), (bytes) => {
    const filter = parseFilter(`(objectGUID=${[...bytes].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('')})`) as EqualityFilter
    return Buffer.isBuffer(filter.value) && filter.value.equals(bytes)
  }))
})
