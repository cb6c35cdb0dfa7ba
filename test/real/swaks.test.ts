// swaks delivers by LMTP: one reply a recipient, an unknown one refused, a large message, and what is added to a mail.

import fs from 'node:fs'
import path from 'node:path'
import { LineClient } from '../fixtures/line-client.ts'
import { runProgram } from '../fixtures/program.ts'
import { password } from '../fixtures/server.ts'
import { clientTest } from './client-test.ts'

clientTest('swaks', ['swaks'], async (t, { server, scratch }) => {
  const swaks = (...args: string[]): ReturnType<typeof runProgram> =>
    runProgram('swaks', ['--protocol', 'LMTP', '--server', '127.0.0.1', '--port', String(server.lmtpPort), '--from', 'sender@example.org', ...args])

  const two = await swaks('--to', 'swaks1@example.com,swaks2+detail@example.com', '--header', 'Subject: by swaks')
  t.equal(two.code, 0, two.stdout + two.stderr)
  t.equal([...two.stdout.matchAll(/^<-  250 2\.0\.0 <swaks[12]\S*@example.com> \S+ Saved$/gm)].length, 2, 'one reply a recipient')

  fs.writeFileSync(path.join(scratch, 'big'), `Subject: big\n\n${'0123456789'.repeat(7).concat('\n').repeat(30_000)}`)
  const big = await swaks('--to', 'swaks1@example.com', '--data', `@${path.join(scratch, 'big')}`)
  t.equal(big.code, 0, 'a mail of 2 MB')

  const client = await LineClient.connect(server.imapPort)
  await client.line()
  await client.command('a', `LOGIN swaks1@example.com ${password}`)
  await client.command('b', 'SELECT INBOX')
  const header = (await client.command('c', 'FETCH 1 BODY.PEEK[HEADER]')).join('\n')
  t.match(header, /^Return-Path: <sender@example\.org>$/m)
  t.match(header, /^Delivered-To: swaks1@example\.com$/m)
  t.match(header, /^Received: from /m)
  t.match((await client.command('d', 'FETCH 2 RFC822.SIZE')).join('\n'), /RFC822\.SIZE 2160\d\d\d/, 'with CRLF: 30,000 lines of 72 bytes and its header')
  client.close()
})
