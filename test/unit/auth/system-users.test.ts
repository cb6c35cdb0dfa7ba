import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import type { UsersAnswer } from '../../../actors/auth-messages.ts'
import { findSystemUser, systemPassword } from '../../../workers/system-users.ts'
import { authDouble, passdb, userdb } from './double.ts'

const hash = '$6$kG1EcWaMBI.p0ArU$wJwAcaWmRhgT/sWTFDSzOKc524N.YZKWVKysWgwDxEBuRxkbE5hsAI.wfHD3K/6AuQTPB9vkQQcjdklMZvzHM.'
const day = 20_000

/** A getent of this test's own, first on the PATH, so that the users are known. */
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-getent-'))
t.teardown(() => fs.rmSync(directory, { recursive: true, force: true }))
fs.writeFileSync(path.join(directory, 'passwd'), ['root:x:0:0::/root:/bin/sh', 'tim:x:1000:100::/home/tim:/bin/sh', 'old:!:1001:100::/home/old:', 'blank::1002:100::/home/blank:', 'nobody:x:65534:1::/:', ''].join('\n'))
fs.writeFileSync(path.join(directory, 'shadow'), [`tim:${hash}:19000:0:99999:7:::`, 'root:*:19000::::::', 'nobody:*:::::::', ''].join('\n'))
fs.writeFileSync(path.join(directory, 'getent'), `#!/bin/sh
echo "$@" >> ${directory}/asked
[ "$#" = 1 ] && exec cat "${directory}/$1"
grep "^$3:" "${directory}/$1" || { [ "$3" = 1000 ] && grep :1000: "${directory}/$1"; } || exit 2
`, { mode: 0o755 })
process.env['PATH'] = `${directory}:${process.env['PATH']}`

t.test('users of the system', async (t) => {
  const auth = authDouble({ passdb: [passdb({ driver: 'passwd' })], userdb: [userdb({ driver: 'passwd', args: 'blocking=no mail=obox:%n:INDEX=%h/index' })], auth_username_format: '', auth_username_chars: '' })
  t.match(await auth.login('tim', 'pässword 1'), { status: 'ok', account: { user: 'tim', home: '/home/tim', fields: { uid: '1000', gid: '100', mail: 'obox:tim:INDEX=/home/tim/index' } } })
  for (const [name, password] of [['tim', 'x'], ['old', '!'], ['blank', 'x'], ['ghost', 'x'], ['root', '*'], ['1000', 'pässword 1'], ['tim:x', 'x'], ['-s', 'x'], ['../tim', 'x']] as const) {
    t.match(await auth.login(name, password), { status: 'refused' }, name)
  }
  t.notMatch(fs.readFileSync(path.join(directory, 'asked'), 'utf8'), /passwd -- (1000|\.\.|tim:)/, 'what is no name is not asked for')
  t.match(await auth.lookup('ghost'), { status: 'unknown' })
  t.match(await auth.lookup('root'), { status: 'ok', account: { home: '/root' } })
  const { users } = await auth.actor.receive({ kind: 'users' }) as UsersAnswer & { status: 'ok' }
  t.same(users, ['tim', 'old', 'blank'], 'people, not the system\'s own')
  t.match(await authDouble({ passdb: [passdb({ driver: 'shadow' })], userdb: [userdb({ driver: 'passwd' })] }).login('tim', 'pässword 1'), { status: 'ok' })
})

t.test('expired accounts and passwords', async (t) => {
  const lines: [line: string, good: boolean][] = [
    [`tim:${hash}:19000:0:99999:7:::`, true], [`tim:${hash}::::::${day + 1}:`, true], [`tim:${hash}::::::${day}:`, false], [`tim:${hash}:0::::::`, false],
    [`tim:${hash}:19990:0:10::::`, true], [`tim:${hash}:19980:0:10::::`, false], [`tim:${hash}:19980:0:10::10::`, true], [`tim:!${hash}:19000::::::`, false], ['tim:*:::::::', false], ['tim::::::::', false],
  ]
  const tim = await findSystemUser('tim')
  for (const [line, good] of lines) {
    fs.writeFileSync(path.join(directory, 'shadow'), `${line}\n`)
    t.equal(await systemPassword(tim!, day), good ? hash : undefined, line)
  }
  fs.writeFileSync(path.join(directory, 'shadow'), '')
  await t.rejects(systemPassword(tim!, day), { name: 'TempFail' }, 'a shadow database that cannot be read refuses nobody for good')
})

t.test('a name service that fails', async (t) => {
  fs.writeFileSync(path.join(directory, 'getent'), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
  const auth = authDouble({ passdb: [passdb({ driver: 'passwd' })], userdb: [userdb({ driver: 'passwd' })] })
  t.match(await auth.login('tim', 'x'), { status: 'temporary' })
  t.match(await auth.lookup('tim'), { status: 'temporary' })
})
