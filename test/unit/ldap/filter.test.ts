import t from 'tap'
import { escapeDnValue } from '../../../workers/ldap/dn.ts'
import { escapeFilterValue, parseFilter } from '../../../workers/ldap/filter.ts'

t.test('filters of RFC 4515 §4 and of real files', async (t) => {
  const same = [
    '(cn=Babs Jensen)', '(!(cn=Tim Howes))', '(&(objectClass=Person)(|(sn=Jensen)(cn=Babs J*)))', '(o=univ*of*mich*)', '(seeAlso=)',
    '(cn:caseExactMatch:=Fred Flintstone)', '(cn:=Betty Rubble)', '(sn:dn:2.4.6.8.10:=Barney Rubble)', '(o:dn:=Ace Industry)',
    '(:1.2.3:=Wilma Flintstone)', '(:dn:2.4.6.8.10:=Dino)', '(o=Parens R Us \\28for all your parenthetical needs\\29)', '(cn=*\\2a*)',
    '(filename=C:\\5cMyFile)', '(age>=18)', '(age<=65)', '(cn~=Bill)', '(uid=*)', '(1.3.6.1.4.1.1466.0=x)', '(cn;lang-de=x)', '(a=*b*)',
  ]
  for (const text of same) t.equal(parseFilter(text).toString(), text)
  t.equal(parseFilter('uid=tim').toString(), '(uid=tim)', 'without parentheses')
  t.equal(parseFilter(' ( & (a=1) ( | (b= 2 ) (c=3) ) ) ').toString(), '(&(a=1)(|(b= 2 )(c=3)))', 'blanks count in values only')
  t.equal(parseFilter('(sn=Lu\\c4\\8di\\c4\\87)').toString(), '(sn=Lučić)', 'escaped bytes are UTF-8')
})

t.test('what is no filter', async (t) => {
  const bad = ['', '()', '(uid)', '(uid=a', 'uid=a)', '(uid=a))', '(uid=a)(b=c)', '(&)', '(!a=b)', '(=a)', '(u d=a)', '(uid=a(b)', '(uid=\\)', '(uid=\\zz)',
    '(uid=a*\\ff)', '(cn:dn=a)', `${'(!'.repeat(40)}(a=b)${')'.repeat(40)}`]
  for (const text of bad) t.throws(() => parseFilter(text), { name: 'ConfigError', message: /^not an LDAP filter/ }, text.slice(0, 30))
})

t.test('escapes', async (t) => {
  t.equal(escapeFilterValue('a*(b)\\c\0ü'), 'a\\2a\\28b\\29\\5cc\\00ü')
  t.equal(escapeDnValue(' a,b+c"d\\e<f>g;h=i '), '\\ a\\,b\\+c\\"d\\\\e\\<f\\>g\\;h\\=i\\ ')
  t.equal(escapeDnValue('#a# b'), '\\#a# b')
  t.equal(escapeDnValue('a\0'), 'a\\00')
})
