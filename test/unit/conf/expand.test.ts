// The table holds what `doveadm user -e EXPRESSION USER` of Debian's Dovecot 2.3.19 printed for three users.

import t from 'tap'
import { expand, expandSettings, namesIn, userVariables } from '../../../conf/expand.ts'
import { defaultSettings } from '../../../conf/settings.ts'
import { ConfigError } from '../../../runtime/errors.ts'

const users = ['user@example.com', "O'Hara+x@Example.COM", 'plain']
const table: [expression: string, ...values: string[]][] = [
  ['%u', 'user@example.com', 'O\'Hara+x@Example.COM', 'plain'],
  ['%n', 'user', 'O\'Hara+x', 'plain'],
  ['%d', 'example.com', 'Example.COM', ''],
  ['%s', 'doveadm', 'doveadm', 'doveadm'],
  ['%h', '/home/x', '/home/x', '/home/x'],
  ['%i', '1000', '1000', '1000'],
  ['%%', '%', '%', '%'],
  ['%2Mu', 'b5', '0f', 'ac'],
  ['%2.3Mu', '899', '0d9', '793'],
  ['%8Mu', 'b58996c5', '0f0d9c81', 'ac7938d4'],
  ['%Mu', 'b58996c504c5638798eb6b511e6f49af', '0f0d9c81600bb40579c8f666010f21d3', 'ac7938d40cfc2307e2bf325d28e7884e'],
  ['%4Nu', '3', '1', '3'],
  ['%8Nu', '7', '5', '7'],
  ['%2.4Nu', '03', '01', '03'],
  ['%256Nu', '87', '5', '7'],
  ['%256Hu', 'dd', '4d', 'fe'],
  ['%Hu', '14d67dd', '284474d', '7727fe'],
  ['%Nu', '4c56387', '600bb405', 'cfc2307'],
  ['%2.256Hu', 'dd', '4d', 'fe'],
  ['%Lu', 'user@example.com', 'o\'hara+x@example.com', 'plain'],
  ['%Uu', 'USER@EXAMPLE.COM', 'O\'HARA+X@EXAMPLE.COM', 'PLAIN'],
  ['%Eu', 'user@example.com', 'O\\\'Hara+x@Example.COM', 'plain'],
  ['%Xu', '0', '0', '0'],
  ['%Ru', 'moc.elpmaxe@resu', 'MOC.elpmaxE@x+araH\'O', 'nialp'],
  ['%Tu', 'user@example.com', 'O\'Hara+x@Example.COM', 'plain'],
  ['%Du', 'user@example,dc=com', 'O\'Hara+x@Example,dc=COM', 'plain'],
  ['%Dd', 'example,dc=com', 'Example,dc=COM', ''],
  ['%LMu', 'b58996c504c5638798eb6b511e6f49af', 'd804df532e291674b88b567753c86ae1', 'ac7938d40cfc2307e2bf325d28e7884e'],
  ['%MLu', 'b58996c504c5638798eb6b511e6f49af', '0f0d9c81600bb40579c8f666010f21d3', 'ac7938d40cfc2307e2bf325d28e7884e'],
  ['%3u', 'use', 'O\'H', 'pla'],
  ['%3.2u', 'r@', 'ar', 'in'],
  ['%-2.2u', 'om', 'OM', 'in'],
  ['%-3u', 'use', 'O\'H', 'pla'],
  ['%2.-2u', 'er@example.c', 'Hara+x@Example.C', 'a'],
  ['%20u', 'user@example.com', 'O\'Hara+x@Example.COM', 'plain'],
  ['%020u', '0000user@example.com', 'O\'Hara+x@Example.COM', '000000000000000plain'],
  ['%04n', 'user', 'O\'Hara+x', 'plain'],
  ['%-4.4n', 'user', 'ra+x', 'lain'],
  ['%{user}', 'user@example.com', 'O\'Hara+x@Example.COM', 'plain'],
  ['%{username}', 'user', 'O\'Hara+x', 'plain'],
  ['%{domain}', 'example.com', 'Example.COM', ''],
  ['%{md5:user}', 'b58996c504c5638798eb6b511e6f49af', '0f0d9c81600bb40579c8f666010f21d3', 'ac7938d40cfc2307e2bf325d28e7884e'],
  ['%{md5;truncate=32:user}', 'b58996c5', '0f0d9c81', 'ac7938d4'],
  ['%{md5;truncate=12:user}', '0b58', '00f0', '0ac7'],
  ['%{md5;truncate=3:user}', '05', '00', '05'],
  ['%{sha1:user}', '63a710569261a24b3766275b7000ce8d7b32e2f7', '6231ba2f7f39e0753df964ff682a5b15954cd527', '68c46e84d76d2e7e686e5158bf598909abd4e45b'],
  ['%{sha256:user}', 'b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514', '66592d29c037ff0fa2d04fb688300064c50a023f83cd70772fa1678ab43557de', 'a116c9ed46d6207734a43317d30fd88f52ac8634c37d904bbf4e41d865f90475'],
  ['%{sha1;rounds=2:user}', '8fc697dc51d566deddabaab3c30b016c5bfaf5b9', 'f7681c1bc3e8cbaa1085aec3c9e4799bbd7497bb', 'f3a1b46df2d9d5a98bfea222d7e9a6bca91d3b1b'],
  ['%{sha1;rounds=2,salt=abc:user}', 'e1bb1a0984e1894c1d3de288fa33d685aa4be841', '3a1db21b898f4ba35a55984b6d327d19c7c3eef1', '25d358768106ed1ee03588dd85f4ddb14dd1c174'],
  ['%{md5;salt=abc:user}', 'cab23829523ffb37af9f77c60c9554a6', 'a3fb58afe3ccfcaca1d126e360e8fca2', '41e520abaceefd32ccc0e033307d8d5a'],
  ['%{sha512;truncate=64:user}', '6db185971e8d3b52', '9974812c2f0a56b3', 'ccdd3da9f299d11b'],
  ['%{md5;format=base64:user}', 'tYmWxQTFY4eY62tRHm9Jrw==', 'Dw2cgWALtAV5yPZmAQ8h0w==', 'rHk41Az8IwfivzJdKOeITg=='],
  ['%{sha1;format=hexuc:user}', '63a710569261a24b3766275b7000ce8d7b32e2f7', '6231ba2f7f39e0753df964ff682a5b15954cd527', '68c46e84d76d2e7e686e5158bf598909abd4e45b'],
  ['%{sha3-256:user}', '02b701531e690961b9d02612c74367bf4e32abfd4a22d4cd86827d517e02cc72', 'bfdf0e0d6e61470ddfb8c8fcc68f28e9486bc0461a3f3059a88e1f0b2d8c751f', '1a54d8ebb4748b5f3f686fee47846102a7853c9a67e8fda7306da4e504c596a6'],
  ['%{sha384:user}', '932c1566d0e77a011a6c86ac6b17c54be871c16da8807d5539d6f16be403cae45c3976bd224767da386186e99f56a882', 'b032218ce01a5251c0a44e27b8f2c7ac8be2755913fe47e6b4e3c7f08bc0a01e2169ca38b4ce890e7abb089aa7033a77', '02d7a1695b3c1ad0c6e3312fce95bfd2345c6fa9ed0eef05ccbf9927281431ba3d9d596ddf609532e67ba31c1c9757c5'],
  ['%{if;%d;eq;example.com;yes;no}', 'yes', 'no', 'no'],
  ['%{if;5;<;10;y;n}', 'y', 'y', 'y'],
  ['%{if;10;<;5;y;n}', 'n', 'n', 'n'],
  ['%{if;5;lt;10;y;n}', 'n', 'n', 'n'],
  ['%{if;%u;*;*@example.com;y;n}', 'y', 'n', 'n'],
  ['%{if;%u;~;^u.*m$;y;n}', 'y', 'n', 'n'],
  ['%{if;%u;!~;^u.*m$;y;n}', 'n', 'y', 'y'],
  ['%{if;%u;!*;x*;y;n}', 'y', 'y', 'y'],
  ['%{if;%d;ne;;%d;none}', 'example.com', 'Example.COM', 'none'],
  ['%{if;a\\;b;eq;a\\;b;y;n}', 'y', 'y', 'y'],
  ['%{if;1;>=;1;y;n}', 'y', 'y', 'y'],
  ['%{if;a;ge;A;y;n}', 'y', 'y', 'y'],
  ['%{if;1;==;1;y}', 'y', 'y', 'y'],
  ['%{if;%u;eq;%u;%{if;1;==;2;a;b};n}', 'b', 'b', 'b'],
  ['%2Lu', 'us', 'o\'', 'pl'],
  ['%2M{user}', 'b5', '0f', 'ac'],
  ['%2.3M{user}', '899', '0d9', '793'],
  ['%L{user}', 'user@example.com', 'o\'hara+x@example.com', 'plain'],
  ['%2{user}', 'us', 'O\'', 'pl'],
  ['%{env:NOPE}', '', '', ''],
  ['%{userdb:a:def}', '1', '1', '1'],
  ['%{userdb:x:def}', 'def', 'def', 'def'],
  ['%{userdb:x}', '', '', ''],
  ['%{userdb:uid}', '1000', '1000', '1000'],
  ['%{auth_user}', 'user@example.com', 'O\'Hara+x@Example.COM', 'plain'],
  ['%{auth_username}', 'user', 'O\'Hara+x', 'plain'],
  ['%{uid}', '1000', '1000', '1000'],
  ['%{gid}', '1000', '1000', '1000'],
  ['%{home}', '/home/x', '/home/x', '/home/x'],
  ['%4.2u', '@e', 'ra', 'n'],
  ['%0.3u', 'use', 'O\'H', 'pla'],
  ['%.3u', 'use', 'O\'H', 'pla'],
  ['%03.2u', 'r@', 'ar', 'in'],
  ['%-1u', 'u', 'O', 'p'],
  ['%100u', 'user@example.com', 'O\'Hara+x@Example.COM', 'plain'],
  ['%2.3Xu', '', '', ''],
  ['%16Ru', 'moc.elpmaxe@resu', 'MOC.elpmaxE@x+ar', 'nialp'],
  ['%2Hu', '1', '1', '0'],
  ['%3.16Hu', '00d', '00d', '00e'],
  ['%016Hu', 'd', 'd', 'e'],
  ['%HLu', '14d67dd', '284474d', '7727fe'],
  ['%5Xi', '3e8', '3e8', '3e8'],
  ['%{service}', 'doveadm', 'doveadm', 'doveadm'],
  ['%08Xu', '00000000', '00000000', '00000000'],
  ['%{userdb:a}', '1', '1', '1'],
  ['%4Ni', '2', '2', '2'],
  ['%04i', '1000', '1000', '1000'],
  ['%-2.2i', '00', '00', '00'],
  ['%2.2i', '00', '00', '00'],
  ['%Xi', '3e8', '3e8', '3e8'],
  ['%10.3u', 'le.', 'xam', ''],
  ['%1.100u', 'ser@example.com', '\'Hara+x@Example.COM', 'lain'],
  ['%-30.5u', 'user@', 'O\'Har', 'plain'],
  ['%UMu', 'ded7dda735d2afd40f5722d0b4b7b41f', '1581d88a1c285b51628cad85de5d47b5', 'f62eb0bf5e5c72e80983fbbac1cb70e5'],
  ['%ULu', 'user@example.com', 'o\'hara+x@example.com', 'plain'],
  ['%EDd', 'example,dc=com', 'Example,dc=COM', ''],
  ['%{auth_domain}', 'example.com', 'Example.COM', ''],
  ['%1Nu', '0', '0', '0'],
  ['%0Nu', '4c56387', '600bb405', 'cfc2307'],
  ['%3Nu', '2', '2', '0'],
  ['%65536Nu', '6387', 'b405', '2307'],
  ['%2.2Mn', '11', 'd5', '79'],
  ['%%u', '%u', '%u', '%u'],
  ['%%%u', '%user@example.com', '%O\'Hara+x@Example.COM', '%plain'],
  ['%N{user}', '4c56387', '600bb405', 'cfc2307'],
  ['%16N{user}', '7', '5', '7'],
]

const of = (user: string) => userVariables({ user, home: '/home/x', service: 'doveadm', fields: { uid: '1000', gid: '1000', a: '1' } })

t.test('as Dovecot expands', (t) => {
  for (const [expression, ...values] of table) {
    t.same(users.map((user) => expand(expression, of(user))), values, expression)
  }
  t.end()
})

t.test('the seed\'s paths', (t) => {
  t.equal(expand('obox:%2Mu/%2.3Mu/%u:INDEX=~/', of('user@example.com')), 'obox:b5/899/user@example.com:INDEX=~/')
  t.end()
})

t.test('what is unknown or malformed is an error that names it', (t) => {
  const errors: [string, RegExp][] = [
    ['%z', /unknown variable %z .*in "%z"/],
    ['/mail/%{usr}', /unknown variable %\{usr\} /],
    ['%{foo:bar}', /unknown variable %\{foo:bar\}/],
    ['%{ldap:mail}', /unknown variable %\{ldap:mail\}/],
    ['%{md5:nosuch}', /unknown variable %\{nosuch\}/],
    ['95%', /'%' at the end \(write %%/],
    ['%{user', /'%\{' without '\}'/],
    ['%{md5;rounds=0:user}', /bad parameter 'rounds=0'/],
    ['%{md5;rounds=999999:user}', /bad parameter 'rounds=999999'/],
    ['%{md5;foo=1:user}', /bad parameter 'foo=1'/],
    ['%{if;1;foo;1;y;n}', /unknown operator 'foo'/],
    ['%{if;%d;==;3;yes;no}', /are not both numbers/],
    ['%{if;1;==;1}', /must be %\{if;value/],
    ['%{if;a;~;(;y;n}', /is not a regular expression/],
  ]
  for (const [text, message] of errors) {
    t.throws(() => expand(text, of('user@example.com')), new ConfigError(), text)
    t.throws(() => expand(text, of('user@example.com')), message, text)
  }
  const deep = `${'%{if;1;==;1;'.repeat(50)}x${'}'.repeat(50)}`
  t.throws(() => expand(deep, of('u')), /nested too deeply/)
  t.end()
})

t.test('families, defaults and short names of a caller', (t) => {
  const variables = { user: 'u', m: 'PLAIN', $: 'text', ldap: { mail: 'a%u@b', empty: '' } }
  t.equal(expand('%m %$', variables), 'PLAIN text')
  t.equal(expand('%{ldap:mail}', variables), 'a%u@b', 'a value is not expanded again')
  t.equal(expand('%{ldap:none:fallback}', variables), 'fallback')
  t.equal(expand('%{ldap:empty:fallback}', variables), '', 'present and empty')
  t.equal(expand('%{ldap:constructor}%{ldap:toString:x}', variables), 'x', 'no inherited names')
  t.end()
})

t.test('expandSettings expands what is per user, and nothing else', (t) => {
  const settings = {
    ...defaultSettings(), mail_home: '/home/%d/%n', mail_log_prefix: '%s(%u): ', obox_fs: 'posix:prefix=/srv/%2Mu%%/',
    plugin: { quota_rule: '*:storage=%{userdb:size:1G}', other: '%u' },
  }
  const expanded = expandSettings(settings, userVariables({ user: 'user@example.com', fields: { size: '2G' } }))
  t.equal(expanded.mail_home, '/home/example.com/user')
  t.equal(expanded.obox_fs, 'posix:prefix=/srv/b5%/')
  t.equal(expanded.mail_log_prefix, '%s(%u): ')
  t.same(expanded.plugin, { quota_rule: '*:storage=2G', other: 'user@example.com' })
  t.equal(expanded.quota_grace, '10%')
  t.equal(settings.mail_home, '/home/%d/%n', 'the original is unchanged')
  t.end()
})

t.test('the names in a text', async (t) => {
  t.same(namesIn('(&(mail=%u)(x=%2.3Mn)(100%%))'), ['user', 'username'])
  t.same(namesIn('%{user}/%{md5;rounds=2:domain}/%{passdb:forward_x:none}/%{if;%s;eq;imap;%{rip};%d}'), ['user', 'domain', 'passdb:forward_x', 'service', 'rip'])
  t.same(namesIn('plain'), [])
})
