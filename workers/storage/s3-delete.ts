// The bodies of S3's DeleteObjects (POST ?delete).

import { childrenOf, escapeXml, parseXml, textOf } from './xml.ts'

/** Asks to delete `keys`, and to hear of failures only. */
export const deleteRequest = (keys: string[]): string =>
  `<?xml version="1.0" encoding="UTF-8"?><Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Quiet>true</Quiet>${
    keys.map((key) => `<Object><Key>${escapeXml(key)}</Key></Object>`).join('')}</Delete>`

/** The keys that were not deleted; undefined where the answer cannot be read. What is absent counts as deleted. */
export const refusedKeys = (xml: string): string[] | undefined => {
  const root = parseXml(xml)
  if (root?.name !== 'DeleteResult') return undefined
  const keys = childrenOf(root, 'Error').filter((error) => textOf(error, 'Code') !== 'NoSuchKey').map((error) => textOf(error, 'Key'))
  return keys.every((key) => key !== undefined) ? keys : undefined
}
