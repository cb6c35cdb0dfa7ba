// AWS Signature Version 2 for S3: "Signing and authenticating REST requests" (Amazon S3 developer guide), for old stores
// that know no other. Only headers of ours are signed that the scheme asks for; the payload is covered by Content-MD5.

import { createHmac } from 'node:crypto'
import type { Credentials } from './sigv4.ts'

/** Parameters that belong to what is signed, of those that we use. */
const subresources = new Set(['delete', 'uploads', 'uploadId', 'partNumber', 'location', 'acl'])

export interface SignedV2 {
  method: string
  /** `/BUCKET/key`, encoded as it is sent; the bucket in front also where it is in the host's name. */
  resource: string
  query: [string, string][]
  /** Lower-case names. */
  headers: Record<string, string>
}

/** The headers to add: date, authorization. */
export const signV2 = ({ accessKey, secretKey }: Credentials, { method, resource, query, headers }: SignedV2, nowMs: number): Record<string, string> => {
  const date = new Date(nowMs).toUTCString()
  const amz = Object.entries(headers).filter(([name]) => name.startsWith('x-amz-')).sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}:${value.trim()}\n`).join('')
  const parameters = query.filter(([name]) => subresources.has(name)).sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => (value === '' ? name : `${name}=${value}`)).join('&')
  const text = [method, headers['content-md5'] ?? '', headers['content-type'] ?? '', date, amz + resource + (parameters && `?${parameters}`)].join('\n')
  return { date, authorization: `AWS ${accessKey}:${createHmac('sha1', secretKey).update(text).digest('base64')}` }
}
