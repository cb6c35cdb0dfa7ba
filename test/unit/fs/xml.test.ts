import t from 'tap'
import { childrenOf, escapeXml, parseXml, textOf } from '../../../workers/storage/xml.ts'
import { deleteRequest, refusedKeys } from '../../../workers/storage/s3-delete.ts'
import { pageOfXml } from '../../../workers/storage/s3-list.ts'

void t.test('elements, text, entities', async (t) => {
  const root = parseXml('<?xml version="1.0" encoding="UTF-8"?>\n<Error xmlns="http://s3/"><Code>NoSuchKey</Code><Key>a&amp;b&#x20;&#252;&lt;</Key><Empty/></Error>\n')
  t.equal(root?.name, 'Error')
  t.equal(textOf(root, 'Code'), 'NoSuchKey')
  t.equal(textOf(root, 'Key'), 'a&b ü<')
  t.equal(textOf(root, 'Empty'), '')
  t.equal(textOf(root, 'None'), undefined)
})

void t.test('anything else is refused', async (t) => {
  const deep = '<a>'.repeat(40) + '</a>'.repeat(40)
  for (const text of ['', 'text', '<a>', '<a></b>', '<a/><b/>', '<a>&bogus;</a>', '<a>&</a>', '<a><!-- x --></a>', '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
    '<a><![CDATA[x]]></a>', '<a', '<a></a>x', '<a b=c/>', '</a>', '<a>&#x110000;</a>', deep, '<html><body><p>502 Bad Gateway<br></body></html>']) {
    t.equal(parseXml(text), undefined, JSON.stringify(text.slice(0, 60)))
  }
})

void t.test('escaping is undone by parsing', async (t) => {
  const text = '<&>"\' \r\n grün 🐦'
  t.equal(parseXml(`<a>${escapeXml(text)}</a>`)?.text, text)
})

void t.test('listings', async (t) => {
  const entry = (key: string): string => `<Contents><Key>${key}</Key><LastModified>2026-11-23T10:00:00.000Z</LastModified><ETag>&quot;abc&quot;</ETag><Size>7</Size></Contents>`
  const list = (inner: string): string => `<ListBucketResult>${inner}</ListBucketResult>`
  const page = pageOfXml(list(`<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>${entry('p/a%2Fb+c%2B')}<CommonPrefixes><Prefix>p/z%2F</Prefix></CommonPrefixes>`), 2)
  t.same(page, { objects: [{ key: 'a/b c+', size: 7, modifiedMs: Date.UTC(2026, 10, 23, 10), etag: 'abc' }], prefixes: ['z/'], next: 'z/' })
  t.equal(pageOfXml(list(`<IsTruncated>false</IsTruncated>${entry('100%')}`), 0)?.objects[0]?.key, '100%', 'not decoded when not encoded')
  t.equal(pageOfXml(list('<Contents><Key>a</Key></Contents>'), 0), undefined, 'an entry without a size')
  t.equal(pageOfXml('<Other/>', 0), undefined)
})

void t.test('bulk deletes', async (t) => {
  const keys = ['a', 'b&<c>']
  const request = parseXml(deleteRequest(keys))!
  t.same(childrenOf(request, 'Object').map((object) => textOf(object, 'Key')), keys)
  t.same(refusedKeys('<DeleteResult/>'), [])
  t.same(refusedKeys('<DeleteResult><Error><Key>a</Key><Code>AccessDenied</Code></Error><Error><Key>b</Key><Code>NoSuchKey</Code></Error></DeleteResult>'), ['a'])
  t.equal(refusedKeys('<html></html>'), undefined)
})
