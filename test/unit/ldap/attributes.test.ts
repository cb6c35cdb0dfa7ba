// The cases were compared with Dovecot 2.3.19 over the same directory (`doveadm user`).

import t from 'tap'
import { AttributeMap } from '../../../workers/ldap/attributes.ts'
import type { LdapEntry } from '../../../workers/ldap/attributes.ts'

const tim: LdapEntry = {
  dn: 'uid=tim,dc=example,dc=com',
  values: new Map(Object.entries({
    uid: ['tim'], cn: ['Tim', 'Tim Two'], mail: ['tim@example.com', 'tim2@example.com'], uidnumber: ['2000'], description: ['a:b|c'], points: ['uid'], empty: [''],
  })),
}
const fields = (text: string): Record<string, string> => new AttributeMap(text).fields(tim, { user: 'tim', domain: '' }).fields

t.test('attribute=field', async (t) => {
  t.same(fields('uidNumber=uid, UID=user'), { uid: '2000', user: 'tim' })
  t.same(fields('cn=x=pre-%$-post'), { x: 'pre-Tim-post' })
  t.same(fields('mail=f=%{ldap:cn}y'), { f: 'Timy' })
  t.same(fields('uid'), { uid: 'tim' })
  t.same(fields('nothing=d, nothing=e=x%$, empty=g'), { g: '' }, 'an absent attribute makes no field')
})

t.test('=field=template', async (t) => {
  t.same(fields('=home=/srv/%u, =a=%{ldap:mail}, =b=%{ldap:nothing:dflt}, =e=%{ldap_dn}, =f=%{ldap:nothing}, =g=%{ldap:description}'),
    { home: '/srv/tim', a: 'tim@example.com', b: 'dflt', e: 'uid=tim,dc=example,dc=com', f: '', g: 'a:b|c' })
  t.same(fields('=a=%L{ldap:cn}, =c=%$, =g, =h=, =i=%{ldap_ptr:points}'), { a: 'tim', c: '', g: '', h: '', i: 'tim' })
  t.same(fields('=quota_rule=*:storage=%{ldap:uidNumber}k'), { quota_rule: '*:storage=2000k' }, 'the template may have = in it')
  t.same(fields('=x=%{if;%{ldap:uid};eq;tim;a,b;c}'), { x: 'a,b' }, 'and commas inside of braces')
})

t.test('what is asked for', async (t) => {
  t.same(new AttributeMap('uid=user, =x=%{ldap:cn}%L{ldap:Mail:d}%{ldap_ptr:points}, !sn, uid=again').attributes, ['uid', 'sn', 'cn', 'Mail', 'points'])
  t.same(new AttributeMap('=user=%u').attributes, [])
  const bind = new AttributeMap('=user=%{ldap:mail}, =password=%{ldap:userPassword}, userPassword=password', ['password'])
  t.same(bind.attributes, ['mail'], 'no password where it is not compared here')
  t.same(bind.fields(tim, {}).fields, { user: 'tim@example.com' })
})

t.test('several values', async (t) => {
  t.match(new AttributeMap('cn=x, =y=%{ldap:mail}, uid=z').fields(tim, {}), { fields: { x: 'Tim', y: 'tim@example.com', z: 'tim' }, warning: /^more than one value of mail, cn: / })
  t.equal(new AttributeMap('uid=z').fields(tim, {}).warning, undefined)
  t.same(new AttributeMap('mail=user').valuesOf('user', tim), ['tim@example.com', 'tim2@example.com'], 'all of them where users are listed')
})

t.test('mistakes', async (t) => {
  for (const text of ['=', '==x', 'uid=', 'a b=c', '@seeAlso=x', '=@x=%{ldap:y}', 'mail@x=y', '%u=x']) t.throws(() => new AttributeMap(text), { name: 'ConfigError' }, text)
  t.throws(() => fields('=x=%{ldpa:uid}'), { name: 'ConfigError', message: /unknown variable/ })
})
