// XML as S3 answers it: elements and text. Attributes and the declaration are passed over; anything else (DTDs,
// CDATA, comments, unknown entities, a document cut short) is refused with undefined.

export interface Element { name: string; children: Element[]; text: string }

const tag = /<(\/?)([A-Za-z_][\w.:-]*)((?:\s+[\w.:-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/y
const depthLimit = 16

/** The root element; undefined where the text is no such document. */
export const parseXml = (text: string): Element | undefined => {
  const root: Element = { name: '', children: [], text: '' }
  const open = [root]
  let at = /^\uFEFF?\s*(?:<\?xml[^?]*\?>)?\s*/.exec(text)![0].length
  while (at < text.length) {
    const next = text.indexOf('<', at)
    const run = unescape(text.slice(at, next < 0 ? text.length : next))
    if (run === undefined) return undefined
    const current = open.at(-1)!
    current.text += run
    if (next < 0) break
    tag.lastIndex = next
    const match = tag.exec(text)
    if (!match) return undefined
    at = tag.lastIndex
    const [, closing, name = '', , empty] = match
    if (closing) {
      if (open.length === 1 || open.pop()!.name !== name) return undefined
      continue
    }
    const element: Element = { name, children: [], text: '' }
    current.children.push(element)
    if (!empty) open.push(element)
    if (open.length > depthLimit) return undefined
  }
  return open.length === 1 && root.children.length === 1 && root.text.trim() === '' ? root.children[0] : undefined
}

const entities: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

const unescape = (text: string): string | undefined => {
  if (!text.includes('&')) return text
  let whole = true
  const plain = text.replaceAll(/&(?:#x([0-9a-fA-F]{1,6});|#(\d{1,7});|([a-z]+);)?/g, (_, hex?: string, decimal?: string, name?: string) => {
    const code = hex !== undefined ? parseInt(hex, 16) : decimal !== undefined ? Number(decimal) : undefined
    const char = code === undefined ? entities[name ?? ''] : code <= 0x10ffff ? String.fromCodePoint(code) : undefined
    if (char === undefined) whole = false
    return char ?? ''
  })
  return whole ? plain : undefined
}

/** The text of the first child of that name. */
export const textOf = (element: Element | undefined, name: string): string | undefined =>
  element?.children.find((child) => child.name === name)?.text

/** All children of that name. */
export const childrenOf = (element: Element, name: string): Element[] => element.children.filter((child) => child.name === name)

/** Text as XML character data. Control characters cannot be written in XML 1.0 at all, and are left to the caller. */
export const escapeXml = (text: string): string =>
  text.replaceAll(/[&<>"\r]/g, (char) => (char === '\r' ? '&#13;' : `&${{ '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot' }[char]};`))
