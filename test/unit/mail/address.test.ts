// Address lists, well-formed and as they come.

import t from 'tap'
import { formatAddressList, parseAddressList } from '../../../actors/mail/address.ts'

const noDomain = { host: 'MISSING_DOMAIN' }

void t.test('parsing', async (t) => {
  for (const [value, expected] of [
    ['', []],
    [' , ,, ', []],
    ['user@domain', [{ mailbox: 'user', host: 'domain' }]],
    ['<user@domain>', [{ mailbox: 'user', host: 'domain' }]],
    ['Foo Bar <user@domain>', [{ name: 'Foo Bar', mailbox: 'user', host: 'domain' }]],
    ['Foo   Bar<user@domain>', [{ name: 'Foo Bar', mailbox: 'user', host: 'domain' }]],
    ['"Bar, Foo" <user@domain>, x@y', [{ name: 'Bar, Foo', mailbox: 'user', host: 'domain' }, { mailbox: 'x', host: 'y' }]],
    ['"a \\"b\\" \\\\" <c@d>', [{ name: 'a "b" \\', mailbox: 'c', host: 'd' }]],
    ['John Q. Public <j@x>', [{ name: 'John Q. Public', mailbox: 'j', host: 'x' }]],
    ['=?utf-8?q?J=C3=B6rg?= <j@x>', [{ name: '=?utf-8?q?J=C3=B6rg?=', mailbox: 'j', host: 'x' }]],
    ['J\xc3\xb6rg <j@x>', [{ name: 'J\xc3\xb6rg', mailbox: 'j', host: 'x' }]],
    ['"" <a@b>', [{ mailbox: 'a', host: 'b' }]],
    // comments
    ['user@domain (The User)', [{ name: 'The User', mailbox: 'user', host: 'domain' }]],
    ['(x) user(y)@(z (nested))domain', [{ name: 'z (nested)', mailbox: 'user', host: 'domain' }]],
    ['Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>', [{ name: 'Pete', mailbox: 'pete', host: 'silly.test' }]],
    ['(only a comment)', []],
    // groups
    ['A Group:Ed Jones <joe@where.test>,joe@where.test;, x@y', [
      { mailbox: 'A Group' }, { name: 'Ed Jones', mailbox: 'joe', host: 'where.test' }, { mailbox: 'joe', host: 'where.test' }, {},
      { mailbox: 'x', host: 'y' },
    ]],
    ['undisclosed-recipients:;', [{ mailbox: 'undisclosed-recipients' }, {}]],
    ['unclosed: a@b', [{ mailbox: 'unclosed' }, { mailbox: 'a', host: 'b' }, {}]],
    ['a:;b:c@d;', [{ mailbox: 'a' }, {}, { mailbox: 'b' }, { mailbox: 'c', host: 'd' }, {}]],
    // obsolete
    ['<@a.test,@b.test:john@doe.test>', [{ route: '@a.test,@b.test', mailbox: 'john', host: 'doe.test' }]],
    ['John <@a, @b : john@doe>', [{ name: 'John', route: '@a,@b', mailbox: 'john', host: 'doe' }]],
    ['john . doe @ example . com', [{ mailbox: 'john.doe', host: 'example.com' }]],
    // quoting and literals
    ['"john doe"@x', [{ mailbox: 'john doe', host: 'x' }]],
    ['<"a@b"@c>', [{ mailbox: 'a@b', host: 'c' }]],
    ['root@[192.0.2.1]', [{ mailbox: 'root', host: '[192.0.2.1]' }]],
    ['x@[IPv6:2001:db8::1]', [{ mailbox: 'x', host: '[IPv6:2001:db8::1]' }]],
    // broken
    ['foo', [{ mailbox: 'foo', ...noDomain }]],
    ['Real Name <foo>', [{ name: 'Real Name', mailbox: 'foo', ...noDomain }]],
    ['@domain', [{ mailbox: 'MISSING_MAILBOX', host: 'domain' }]],
    ['<>', [{ mailbox: 'MISSING_MAILBOX', ...noDomain }]],
    ['a@', [{ mailbox: 'a', ...noDomain }]],
    ['Doe, John <j@x>', [{ mailbox: 'Doe', ...noDomain }, { name: 'John', mailbox: 'j', host: 'x' }]],
    ['a@b; c@d', [{ mailbox: 'a', host: 'b' }, { mailbox: 'c', host: 'd' }]],
    ['<a@b, c@d', [{ mailbox: 'a', host: 'b' }, { mailbox: 'c', host: 'd' }]],
    ['John Doe john@x', [{ name: 'John Doe', mailbox: 'john', host: 'x' }]],
    ['Joe <a@b> junk, x@y', [{ name: 'Joe', mailbox: 'a', host: 'b' }, { mailbox: 'x', host: 'y' }]],
    ['"never closed <a@b>', [{ mailbox: 'never closed <a@b>', ...noDomain }]],
    ['x@[1.2.3.4, y@z', [{ mailbox: 'x', host: '[1.2.3.4' }, { mailbox: 'y', host: 'z' }]],
    ['a@b@c', [{ mailbox: 'a@b', host: 'c' }]],
    ['just some words', [{ name: 'just some words', mailbox: 'MISSING_MAILBOX', ...noDomain }]],
    ['Mail Delivery System (postmaster)', [{ name: 'Mail Delivery System', mailbox: 'MISSING_MAILBOX', ...noDomain }]],
  ] as const) t.same(parseAddressList(value), expected, value)
})

void t.test('writing', async (t) => {
  t.equal(formatAddressList([
    { name: 'Q. Public', mailbox: 'a', host: 'b' }, { mailbox: 'g' }, { mailbox: 'x y', host: 'z' }, { name: 'n', route: '@r', mailbox: 'm', host: 'h' }, {},
    { mailbox: 'MISSING_MAILBOX', host: 'MISSING_DOMAIN' },
  ]), '"Q. Public" <a@b>, g: <"x y"@z>, n <@r:m@h>;, <>')
})
