// HTML → the text a reader would see first, roughly: enough for a preview. Linear, whatever the input.

const named: Readonly<Record<string, string>> = {
  amp: '&', lt: '<', gt: '>', quot: '"', apos: '\'', nbsp: ' ', euro: '€', copy: '©', reg: '®', hellip: '…', mdash: '—', ndash: '–',
  lsquo: '‘', rsquo: '’', ldquo: '“', rdquo: '”', laquo: '«', raquo: '»', bull: '•', middot: '·', zwnj: '', zwj: '', shy: '', trade: '™',
  auml: 'ä', ouml: 'ö', uuml: 'ü', Auml: 'Ä', Ouml: 'Ö', Uuml: 'Ü', szlig: 'ß', eacute: 'é', egrave: 'è', agrave: 'à', ccedil: 'ç', ecirc: 'ê', ntilde: 'ñ',
}

/** Elements whose content nobody sees. */
const hidden: ReadonlySet<string> = new Set(['head', 'style', 'script', 'title', 'template', 'noscript'])
/** Elements within a word. */
const inline: ReadonlySet<string> = new Set(['a', 'b', 'i', 'u', 's', 'em', 'strong', 'span', 'font', 'small', 'big', 'code', 'sub', 'sup', 'wbr', 'mark'])

/** Tags and what is hidden left out, character references resolved; elements that are not within a word part words. */
export const htmlText = (html: string): string => {
  let text = ''
  for (let at = 0; at < html.length;) {
    const open = html.indexOf('<', at)
    text += html.slice(at, open < 0 ? html.length : open)
    if (open < 0) break
    at = skipped(html, open)
    if (at === open) {
      text += '<'
      at++
    } else if (!inline.has(tagName(html, open))) text += ' '
  }
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,8}));?/gi, reference)
}

/** Where the markup that begins at `open` ends; `open` itself where it is none. */
const skipped = (html: string, open: number): number => {
  if (html.startsWith('<!--', open)) return behind(html, '-->', open + 4)
  if (!/[a-z/!?]/i.test(html[open + 1] ?? '')) return open
  const end = behind(html, '>', open)
  const name = tagName(html, open)
  if (html[open + 1] === '/' || !hidden.has(name)) return end
  const close = new RegExp(`</${name}[\\s>]`, 'gi')
  close.lastIndex = end
  const closed = close.exec(html)
  return closed === null ? html.length : behind(html, '>', closed.index)
}

const behind = (html: string, mark: string, from: number): number => {
  const found = html.indexOf(mark, from)
  return found < 0 ? html.length : found + mark.length
}

/** Of `<b …` and `</b>`: `b`. */
const tagName = (html: string, open: number): string => /^<\/?([a-z0-9]*)/i.exec(html.slice(open, open + 20))![1]!.toLowerCase()

const reference = (whole: string, decimal: string | undefined, hex: string | undefined, name: string | undefined): string => {
  if (name !== undefined) return named[name] ?? whole
  const point = decimal === undefined ? Number.parseInt(hex!, 16) : Number(decimal)
  return point === 0 || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff) ? '' : String.fromCodePoint(point)
}
