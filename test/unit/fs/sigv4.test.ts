// The examples of "Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)", Amazon S3 API Reference.

import t from 'tap'
import { createHash } from 'node:crypto'
import { emptyPayloadHash, encodePath, encodeQuery, Signer } from '../../../workers/storage/sigv4.ts'

const signer = new Signer({ accessKey: 'AKIAIOSFODNN7EXAMPLE', secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' }, 'us-east-1')
const now = Date.UTC(2013, 4, 24)
const host = 'examplebucket.s3.amazonaws.com'

void t.test('GET of a range', async (t) => {
  const headers = signer.sign({ method: 'GET', path: '/test.txt', query: [], headers: { host, range: 'bytes=0-9' }, payloadHash: emptyPayloadHash }, now)
  t.equal(headers.authorization, 'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, ' +
    'SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41')
  t.equal(headers['x-amz-date'], '20130524T000000Z')
})

void t.test('PUT with an odd name', async (t) => {
  const headers = signer.sign({
    method: 'PUT', path: encodePath('/test$file.text'), query: [],
    headers: { host, date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
    payloadHash: createHash('sha256').update('Welcome to Amazon S3.').digest('hex'),
  }, now)
  t.match(headers.authorization, /Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd$/)
})

void t.test('a query, and one without a value', async (t) => {
  const sign = (query: [string, string][]): string | undefined =>
    signer.sign({ method: 'GET', path: '/', query, headers: { host }, payloadHash: emptyPayloadHash }, now).authorization
  t.match(sign([['prefix', 'J'], ['max-keys', '2']]), /Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7$/)
  t.match(sign([['lifecycle', '']]), /Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543$/)
})

void t.test('encoding', async (t) => {
  t.equal(encodePath('/b5/a b+c/grün!(*)\'.txt'), '/b5/a%20b%2Bc/gr%C3%BCn%21%28%2A%29%27.txt')
  t.equal(encodeQuery([['b', '/ '], ['a', '']]), 'a=&b=%2F%20')
})
