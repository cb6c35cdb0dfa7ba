import t from 'tap'
import type { Test } from 'tap'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { LogEvent } from '../../../runtime/events.ts'
import { ConfigError } from '../../../runtime/errors.ts'
import { buildStack, checkStorage } from '../../../workers/fs/stack.ts'
import { parseHttpUrl } from '../../../workers/storage/http-url.ts'

const refusal = (spec: string): string => {
  try {
    buildStack(spec).close()
    return `${spec} was accepted`
  } catch (error) {
    return error instanceof ConfigError ? error.message : `a ${String(error)} instead of a ConfigError`
  }
}

const refused = (t: Test, spec: string, expected: RegExp): void => { t.match(refusal(spec), expected, spec) }

void t.test('the strings of existing configurations are taken', async (t) => {
  const log: LogEvent[] = []
  for (const spec of [
    'fscache:1G:/var/cache/mails:s3:https://ACCESSKEY:SECRET@BUCKETNAME.s3.amazonaws.com/',
    'compress:gz:6:s3: https://ACCESSKEY:SEC%2FRET%3A@BUCKETNAME.s3.eu-west-1.amazonaws.com/',
    'fscache:512M:/var/cache/mails:aws-s3:https://mails.s3.eu-central-1.amazonaws.com/?auth_role=s3access&region=eu-central-1',
    'aws-s3: https://ACCESSKEY:SECRET@mails.s3.eu-central-1.amazonaws.com/',
    'fscache:512M:/var/cache/mails/%4Nu:compress:maybe-zstd:3:s3:http://k:s@127.0.0.1:7480/?bucket=mails&region=x&addhdr=X-A:1&addhdr=X-B:2&bulk_delete=1&no_trace_headers=1',
    's3:https://k:s@store.example.com/?bucket=b&timeout_msecs=65000&connect_timeout=5s&absolute_timeout=2min&max_retries=0&bulk_delete_limit=100',
    'fault:seed=7,rate=0.1,body=0.5:delay:1-5:count:x:memory:name',
    'posix:prefix=/srv/mail/:no-fsync',
    'zlib:gz:6:fscache:1G:/var/cache/mails:compress:maybe-deflate:6:memory:',
  ]) buildStack(spec, { emit: (event) => { log.push(event) } }).close()
  t.same(log, [])
})

void t.test('mistakes are named', async (t) => {
  refused(t, '', /is no driver or wrapper.*known:.*posix/)
  refused(t, 'posix', /nothing behind 'posix'; its form is posix:prefix=DIR/)
  refused(t, 'posx:prefix=/x', /'posx' is no driver or wrapper/)
  refused(t, 'posix:', /prefix=DIR\/ is missing/)
  refused(t, 'posix:prefix=relative', /absolute path/)
  refused(t, 'posix:prefix=/x:fsync', /unknown option 'fsync'/)
  refused(t, 'compress:gz', /Compression method not given as parameter/)
  refused(t, 'compress:gz:6', /Parent filesystem not given as parameter/)
  refused(t, 'compress:gz:6:', /Parent filesystem not given as parameter/)
  refused(t, 'compress:gz:10:memory:', /Invalid compression level parameter '10': Level must be between 0\.\.9/)
  refused(t, 'compress:zstd:0:memory:', /Level must be between 1\.\.22/)
  refused(t, 'compress:gz:x:memory:', /Invalid compression level parameter 'x'/)
  refused(t, 'compress:bz2:9:memory:', /Compression method 'bz2' not supported/)
  refused(t, 'compress:foo:9:memory:', /Compression method 'foo' unknown/)
  refused(t, 'zlib:foo:6:memory:', /zlib_save: Unknown handler: foo/)
  refused(t, 'zlib:bz2:6:memory:', /zlib_save: Support not compiled in for handler: bz2/)
  refused(t, 'zlib:gz:10:memory:', /zlib_save_level: Level must be between 0\.\.9/)
  refused(t, 'zlib:zstd:x:memory:', /zlib_save_level: Level must be between 1\.\.22/)
  refused(t, 'fscache:big:/x:memory:', /'big' is no size/)
  refused(t, 'fscache:1G:memory:', /'memory' is no absolute path|its form is/)
  refused(t, 'delay:x:memory:', /'x' is no time/)
  refused(t, 'fault:rate=2:memory:', /'rate=2' is no option/)
  refused(t, 's3:ftp://x/', /must look like https:/)
  refused(t, 's3:https://k:s@host/?bucket=b&regoin=x', /regoin= is no parameter.*region/)
  refused(t, 's3:https://k:s@host/?timeout=10', /timeout=10 is no time/)
  refused(t, 's3:https://k:s@host/?max_retries=many', /no number/)
  refused(t, 's3:https://k:s@host/?addhdr=X', /NAME:VALUE/)
  refused(t, 's3:https://k:s@host/?addhdrvar=X:ip', /the variables are/)
  refused(t, 's3:https://k:s@host/?signature=v3', /neither v2 nor v4/)
  refused(t, 's3:https://k:s@host/?auth_role=r', /not both/)
  refused(t, 's3:https://host/?auth_role=r&auth_host=a b', /auth_host=a b/)
})

void t.test('no secret in any message', async (t) => {
  for (const spec of ['s3:https://KEY:S3CR3T@host/?x=1', 'aws-s3:https://KEY:S3CR3T@host/?x=1', 's3:https://KEY:S3C:S3CR3T@host/', 's3:https://KEY:%zzS3CR3T@host/', 's3:https://KEY:S3CR3T/x@ho st/', 'comprss:gz:6:s3:https://KEY:S3CR3T@host/']) {
    t.notMatch(refusal(spec), /S3CR3T|accepted|instead/, spec.replace('S3CR3T', '…'))
  }
})

void t.test('the URL', async (t) => {
  const url = parseHttpUrl(' https://KEY%3A:S%2Fx@host.example.com:8443/a%20b?bucket=b&timeout_msecs=65000&addhdr=X-H:a:b', ['bucket'])
  t.match(url, { protocol: 'https:', hostname: 'host.example.com', port: 8443, path: '/a b/', username: 'KEY:', password: 'S/x', timeoutMs: { read: 65_000, write: 65_000, delete: 65_000 }, headers: [['x-h', 'a:b']] })
  t.equal(url.own.get('bucket'), 'b')
  t.match(parseHttpUrl('http://k:s@host/a@b/?addhdr=X:c@d', []), { hostname: 'host', path: '/a@b/', username: 'k', password: 's' })
  t.match(parseHttpUrl('http://[::1]:80', []), { hostname: '::1', port: 80, path: '/', username: '', timeoutMs: { read: 10_000 }, connectTimeoutMs: 5_000, maxRetries: { write: 4 }, maxConnectRetries: 2 })
  t.match(parseHttpUrl('http://h/?read_timeout=1s&timeout=2s&write_max_retries=9&max_retries=1&addhdrvar=X-T:%25%7Bauth:token%7D&addhdrvar=X-U:%25u&loghdr=X-Id&slow_warn_msecs=7', []), {
    timeoutMs: { read: 1000, write: 2000, delete: 2000 }, maxRetries: { read: 1, write: 9, delete: 1 },
    headerVariables: [['x-t', 'auth:token'], ['x-u', 'user']], loggedHeaders: ['x-id'], slowWarnMs: 7,
  }, 'the particular wins wherever it stands')
})

void t.test('a directory that cannot be used is said at boot', async (t) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'culver-stack-'))
  t.teardown(() => fs.rmSync(directory, { recursive: true }))
  checkStorage(`compress:gz:6:posix:prefix=${directory}/new/store`)
  t.ok(fs.statSync(`${directory}/new/store`).isDirectory())
  fs.writeFileSync(`${directory}/file`, '')
  t.throws(() => checkStorage(`posix:prefix=${directory}/file/store`), ConfigError)
})
