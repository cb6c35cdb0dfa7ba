import net from 'node:net'
import t from 'tap'
import type { Test } from 'tap'
import { parseLdapFile } from '../../../conf/ldap-file.ts'
import type { Variables } from '../../../conf/expand.ts'
import { limits } from '../../../runtime/limits.ts'
import { Directory } from '../../../workers/ldap/directory.ts'
import type { LdapEntry } from '../../../workers/ldap/attributes.ts'
import { FakeLdap, entry, result } from './fake-ldap.ts'
import type { Behaviour } from './fake-ldap.ts'

const self = { dn: 'cn=self', password: 'own' }
const found = { dn: 'uid=tim,dc=x', attributes: { uid: ['tim'] } }

/** Knows itself and tim with the password `pw`. */
const normal: Behaviour = ({ operation, dn, password }, id) => {
  if (operation === 'search') return Buffer.concat([entry(id, found.dn, found.attributes), result(id, 'search', 0)])
  const right = (dn === self.dn && password === self.password) || (dn === found.dn && password === 'pw')
  return result(id, operation, right ? 0 : 49)
}

/** Time enough for this machine, and not for a test. */
const times = { connectMs: 5000, answerMs: 5000, lookupMs: 10_000 }

async function fake(t: Test, behaviour: Behaviour = normal): Promise<FakeLdap> {
  const server = await FakeLdap.listen(behaviour)
  t.teardown(() => server.close())
  return server
}

const directory = (servers: readonly (FakeLdap | number)[], lines = '', given: Partial<typeof times> = {}): Directory => new Directory(parseLdapFile(`
hosts = ${servers.map((server) => `127.0.0.1:${typeof server === 'number' ? server : server.port}`).join(' ')}
dn = ${self.dn}
dnpass = ${self.password}
base = dc=x
${lines}`, 'x'), { ...times, ...given })

const find = (opened: Directory, variables: Variables = { user: 'tim', domain: 'x' }): Promise<LdapEntry | undefined> =>
  opened.find('pass_filter', opened.attributes('pass_attrs'), variables)

const operations = (server: FakeLdap): string[] => server.asked.map(({ operation, dn }) => (dn === '' ? operation : `${operation} ${dn}`))

t.test('searches are made as oneself, binds on a connection of their own', async (t) => {
  const server = await fake(t)
  const opened = directory([server])
  t.equal((await find(opened))?.dn, found.dn)
  t.equal(await opened.bind(found.dn, 'pw'), true)
  t.equal(await opened.bind(found.dn, 'wrong'), false)
  t.equal((await find(opened))?.dn, found.dn)
  t.same(operations(server), [`bind ${self.dn}`, 'search', `bind ${found.dn}`, `bind ${found.dn}`, 'search'])
  t.equal(server.connections, 2)
})

t.test('what would bind as nobody never reaches the directory', async (t) => {
  const server = await fake(t, (_, id) => result(id, 'bind', 0))
  const opened = directory([server])
  for (const password of ['', '\0', 'pw\0', '\0pw']) t.equal(await opened.bind(found.dn, password), false, JSON.stringify(password))
  t.equal(await opened.bind('', 'pw'), false)
  t.equal(server.connections, 0)
})

t.test('for an unknown user as much is asked', async (t) => {
  const server = await fake(t, ({ operation }, id) => result(id, operation, 0))
  const opened = directory([server], 'base = dc=%d')
  t.equal(await find(opened), undefined)
  await opened.bindInVain({ domain: 'a,b' })
  t.same(operations(server), [`bind ${self.dn}`, 'search', 'bind cn=culver-unknown-user,dc=a\\,b'])
  t.not(server.asked.at(-1)?.password, '', 'with a password, which is nobody\'s')
})

t.test('answers to a bind', async (t) => {
  const server = await fake(t)
  const opened = directory([server])
  const bound = async (code: number): Promise<boolean | string> => {
    server.behaviour = (_, id) => result(id, 'bind', code)
    return opened.bind(found.dn, 'pw').catch((error: Error) => error.name)
  }
  t.equal(await bound(0), true)
  for (const code of [49, 48, 32, 34, 19]) t.equal(await bound(code), false, `${code} is a no`)
  for (const code of [1, 2, 8, 13, 53, 80, 123]) t.equal(await bound(code), 'TempFail', `${code} is none`)
  t.equal(server.connections, 1, 'and the connection is as good as before')
  t.equal(await bound(52), 'TempFail', 'a server that is going down')
})

t.test('answers to a search', async (t) => {
  const server = await fake(t)
  const searched = (code: number, entries: number, lines = ''): Promise<unknown> => {
    server.behaviour = ({ operation }, id) => operation === 'bind' ? result(id, 'bind', 0)
      : Buffer.concat([...Array.from({ length: entries }, (_, n) => entry(id, `uid=${n}`, {})), result(id, 'search', code)])
    return find(directory([server], lines)).then((found) => found?.dn, (error: Error) => `${error.name}: ${error.message}`)
  }
  t.equal(await searched(0, 1), 'uid=0')
  t.equal(await searched(0, 0), undefined)
  t.equal(await searched(0, 2), 'TempFail: pass_filter matched multiple objects, aborting')
  t.equal(await searched(4, 2), 'TempFail: pass_filter matched multiple objects, aborting', 'there would have been more')
  t.match(await searched(32, 0), /^TempFail: searching dc=x failed: NoSuchObject/, 'a wrong base makes nobody unknown')
  t.equal(await searched(32, 0, 'base = dc=%d,dc=y'), undefined, 'a domain that is not there does')
  t.match(await searched(50, 0), /^TempFail: searching dc=x failed: InsufficientAccess/)
  t.match(await searched(3, 0), /^TempFail/)
  server.behaviour = (_, id) => result(id, 'bind', 49)
  t.match(await find(directory([server])).catch((error: Error) => error.message), /binding failed \(dn cn=self\): InvalidCredentials/)
})

t.test('a kept connection that has died is replaced, unnoticed', async (t) => {
  const server = await fake(t)
  const opened = directory([server])
  await find(opened)
  server.drop()
  t.equal((await find(opened))?.dn, found.dn)
  let dying = true
  server.behaviour = (asked, id, socket) => {
    if (asked.operation !== 'search' || !dying) return normal(asked, id, socket)
    dying = false
    socket.destroy()
    return undefined
  }
  t.equal((await find(opened))?.dn, found.dn, 'also in the middle of a question')
  t.equal(server.connections, 3)
  t.same(operations(server).slice(-2), [`bind ${self.dn}`, 'search'], 'and never is a search made unbound')
})

t.test('fail-over', async (t) => {
  const [first, second] = [await fake(t), await fake(t)]
  const opened = directory([first, second])
  await find(opened)
  t.same([first.connections, second.connections], [1, 0])
  await first.close()
  t.equal((await find(opened))?.dn, found.dn)
  t.equal(second.connections, 1)
  t.equal(await opened.bind(found.dn, 'pw'), true)
  await second.close()
  t.match(await find(opened).catch((error: Error) => error), { name: 'TempFail', message: /^no LDAP server answers \(127.*ECONNREFUSED.*; 127.*ECONNREFUSED/ })
  t.match(await opened.bind(found.dn, 'pw').catch((error: Error) => error), { name: 'TempFail' })
})

t.test('a server that accepts and then fails is left for the next one', async (t) => {
  const refusing = await fake(t, ({ operation }, id) => result(id, operation, operation === 'bind' ? 49 : 0))
  const busy = await fake(t, (asked, id, socket) => asked.operation === 'search' ? result(id, 'search', 51) : normal(asked, id, socket))
  const closing = await fake(t, (_, __, socket) => { socket.destroy(); return undefined })
  const talking = await fake(t, () => Buffer.from('220 mail.example.com ESMTP\r\n'))
  const good = await fake(t)
  t.equal((await find(directory([refusing, busy, closing, talking, good], '', { answerMs: 1500 })))?.dn, found.dn)
  t.strictSame([refusing, busy, closing, talking, good].map((server) => server.connections), [1, 1, 1, 1, 1])
})

t.test('time-outs', async (t) => {
  const silent = await fake(t, () => undefined)
  const good = await fake(t)
  t.equal((await find(directory([silent, good], '', { answerMs: 1000 })))?.dn, found.dn, 'one that says nothing')
  t.match(await find(directory([silent], '', { answerMs: 50 })).catch((error: Error) => error), { name: 'TempFail', message: /no answer within 50 ms/ })
  t.match(await find(directory([silent, silent, silent], '', { lookupMs: 50 })).catch((error: Error) => error), { name: 'TempFail' }, 'all of a look-up')
  const late = await fake(t)
  const opened = directory([late, good], '', { answerMs: 1000 })
  await find(opened)
  late.behaviour = () => undefined
  t.equal((await find(opened))?.dn, found.dn, 'one that answered before')
  const mute = await fake(t, () => undefined)
  t.match(await find(directory([mute], 'tls = yes', { connectMs: 50 })).catch((error: Error) => error), { name: 'TempFail', message: /no connection within 50 ms/ })
})

t.test('an answer has an end', async (t) => {
  const server = await fake(t, (asked, id, socket) => {
    if (asked.operation !== 'search') return normal(asked, id, socket)
    const large = entry(id, found.dn, { cn: ['x'.repeat(1_000_000)] })
    for (let n = 0; n * 1_000_000 < limits.ldapAnswerBytes + 2_000_000; n++) socket.write(large)
    return undefined
  })
  t.match(await find(directory([server])).catch((error: Error) => error), { name: 'TempFail', message: /an answer of more than/ })
})

t.test('StartTLS', async (t) => {
  const failed = async (answer: (id: number) => Buffer): Promise<string> => {
    const server = await fake(t, (_, id) => answer(id))
    return find(directory([server], 'tls = yes')).then(() => 'no error', (error: Error) => error.message)
  }
  t.match(await failed((id) => result(id, 'extended', 52)), /refuses StartTLS \(result 52\)/)
  t.match(await failed((id) => result(id, 'bind', 0)), /the answer to StartTLS is none/)
  t.match(await failed((id) => Buffer.concat([result(id, 'extended', 0), Buffer.from([0x30, 0x20, 2, 1, 2])])), /the answer to StartTLS is none/, 'nothing may be slipped in before TLS')
  t.match(await failed(() => Buffer.from('garbage')), /the answer to StartTLS is none/)
  t.match(await failed((id) => Buffer.concat([result(id, 'extended', 0)])), /no LDAP server answers/, 'a server that then speaks no TLS')
})

t.test('SASL binds', async (t) => {
  const server = await fake(t, ({ operation }, id) => result(id, operation, 0))
  await find(directory([server], 'sasl_bind = yes\nsasl_mech = PLAIN\nsasl_authz_id = u:other'))
  t.match(server.asked[0], { operation: 'bind', dn: '', mechanism: 'PLAIN', password: `u:other\0${self.dn}\0${self.password}` })
  await find(directory([server], 'sasl_bind = yes\nsasl_mech = EXTERNAL'))
  t.match(server.asked[2], { operation: 'bind', dn: '', mechanism: 'EXTERNAL', password: '' })
})

t.test('questions at the same time wait for each other', async (t) => {
  let running = 0
  const server = await fake(t, (asked, id, socket) => {
    t.equal(++running, 1)
    setImmediate(() => {
      running--
      socket.write(normal(asked, id, socket)!)
    })
    return undefined
  })
  const opened = directory([server])
  t.same(await Promise.all(['pw', 'wrong', 'pw'].map((password) => opened.bind(found.dn, password))), [true, false, true])
})

t.test('no server at all', async (t) => {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  await new Promise((resolve) => server.close(resolve))
  t.match(await find(directory([port])).catch((error: Error) => error), { name: 'TempFail', message: /ECONNREFUSED/ })
})
