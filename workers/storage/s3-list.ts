// The answer to S3's ListObjectsV2.

import type { ListPage, ObjectInfo } from '../../runtime/effects.ts'
import { compareKeys } from './keys.ts'
import { childrenOf, parseXml, textOf } from './xml.ts'
import type { Element } from './xml.ts'

/** The page in an answer, without the `prefixLength` first characters of each key; undefined where it cannot be read. */
export const pageOfXml = (xml: string, prefixLength: number): ListPage | undefined => {
  const root = parseXml(xml)
  if (root?.name !== 'ListBucketResult') return undefined
  const decode = textOf(root, 'EncodingType') === 'url' ? (text: string) => decodeURIComponent(text.replaceAll('+', ' ')) : (text: string) => text
  try {
    const objects = childrenOf(root, 'Contents').map((entry) => objectOf(entry, decode, prefixLength))
    const prefixes = childrenOf(root, 'CommonPrefixes').map((entry) => decode(textOf(entry, 'Prefix') ?? '').slice(prefixLength))
    const last = [objects.at(-1)?.key, prefixes.at(-1)].filter((key) => key !== undefined).sort(compareKeys).at(-1)
    return textOf(root, 'IsTruncated') === 'true' && last !== undefined ? { objects, prefixes, next: last } : { objects, prefixes }
  } catch {
    return undefined
  }
}

const objectOf = (entry: Element, decode: (text: string) => string, prefixLength: number): ObjectInfo => {
  const key = textOf(entry, 'Key')
  const size = Number(textOf(entry, 'Size'))
  const modifiedMs = Date.parse(textOf(entry, 'LastModified') ?? '')
  if (key === undefined || !Number.isSafeInteger(size) || Number.isNaN(modifiedMs)) throw new Error('an entry without key, size or date')
  return { key: decode(key).slice(prefixLength), size, modifiedMs, etag: (textOf(entry, 'ETag') ?? '').replaceAll('"', '') }
}
