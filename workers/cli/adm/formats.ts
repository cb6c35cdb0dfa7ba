// doveadm's output formats (doveadm(1), -f).

/** Prints a table's rows as they come. */
export interface Printer { row(cells: readonly string[]): void; end(): void }

/** `keys`: what programs call the columns. */
export type Format = (columns: readonly string[], header: boolean, out: (text: string) => void, keys?: readonly string[]) => Printer

/** Rows that decide how wide the columns are; what comes after them is printed at once. */
const measuredRows = 1000

/** Columns as wide as their cells. The last one is not padded. */
const table: Format = (columns, header, out) => {
  const waiting: (readonly string[])[] = header ? [columns] : []
  let widths: number[] | undefined
  const print = (cells: readonly string[]): void => {
    out(`${cells.map((cell, n) => (n === cells.length - 1 ? cell : cell.padEnd(widths?.[n] ?? 0))).join(' ')}\n`)
  }
  const flush = (): void => {
    widths = columns.map((_, n) => Math.max(...waiting.map((cells) => cells[n]?.length ?? 0)))
    for (const cells of waiting.splice(0)) print(cells)
  }
  return {
    row(cells) {
      if (widths !== undefined) return print(cells)
      if (waiting.push(cells) > measuredRows) flush()
    },
    end() { if (widths === undefined) flush() },
  }
}

/** A cell must not look like two. */
const tabEscaped = (cell: string): string => cell.replace(/[\t\r\n\u0001]/g, (c) => ({ '\t': '\u0001t', '\r': '\u0001r', '\n': '\u0001n' }[c] ?? '\u00011'))

const tab: Format = (columns, header, out) => {
  const print = (cells: readonly string[]): void => out(`${cells.map(tabEscaped).join('\t')}\n`)
  if (header) print(columns)
  return { row: print, end() {} }
}

const flow: Format = (columns, header, out) => ({
  row: (cells) => out(`${cells.map((cell, n) => (header ? `${columns[n]}=${cell}` : cell)).join(' ')}\n`),
  end() {},
})

const pager: Format = (columns, header, out) => ({
  row: (cells) => out(`${cells.map((cell, n) => (header ? `${columns[n]}: ${cell}\n` : `${cell}\n`)).join('')}${header ? '\f\n' : ''}`),
  end() {},
})

const json: Format = (columns, _header, out, keys = columns) => {
  let first = true
  return {
    row(cells) {
      out(`${first ? '[' : ',\n'}${JSON.stringify(Object.fromEntries(keys.map((key, n) => [key, cells[n] ?? ''])))}`)
      first = false
    },
    end: () => out(first ? '[]\n' : ']\n'),
  }
}

export const formats: Readonly<Record<string, Format>> = { table, tab, flow, pager, json }
