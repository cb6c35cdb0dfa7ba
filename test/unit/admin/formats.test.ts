import t from 'tap'
import { formats } from '../../../workers/cli/adm/formats.ts'

function printed(format: string, columns: string[], header: boolean, rows: string[][], keys?: string[]): string {
  let text = ''
  const printer = formats[format]!(columns, header, (piece) => { text += piece }, keys)
  for (const row of rows) printer.row(row)
  printer.end()
  return text
}

const rows = [['alice', '2'], ['bob\tthe\nbuilder', '10']]

void t.test('doveadm formats', async (t) => {
  t.equal(printed('table', ['username', '#'], true, [['alice', '2'], ['christopher', '10']]), 'username    #\nalice       2\nchristopher 10\n')
  t.equal(printed('tab', ['username', '#'], true, rows), 'username\t#\nalice\t2\nbob\u0001tthe\u0001nbuilder\t10\n')
  t.equal(printed('flow', ['username', '#'], true, [['alice', '2']]), 'username=alice #=2\n')
  t.equal(printed('pager', ['username', '#'], true, [['alice', '2']]), 'username: alice\n#: 2\n\f\n')
  t.same(JSON.parse(printed('json', ['username', '#'], true, rows)), [{ username: 'alice', '#': '2' }, { username: 'bob\tthe\nbuilder', '#': '10' }])
  t.equal(printed('json', ['username'], true, []), '[]\n')
  t.same(JSON.parse(printed('json', ['username', '#'], true, [['alice', '2']], ['username', 'connections'])), [{ username: 'alice', connections: '2' }], 'programs have names of their own')
  t.equal(printed('tab', ['username', '#'], true, [['alice', '2']], ['username', 'connections']), 'username\t#\nalice\t2\n')
})

void t.test('lines for people have no header', async (t) => {
  for (const format of ['table', 'tab', 'flow', 'pager']) t.equal(printed(format, ['text'], false, [['one'], ['two']]), 'one\ntwo\n', format)
})

void t.test('a long table is printed before its end', async (t) => {
  let lines = 0
  const printer = formats['table']!(['n'], true, () => { lines++ })
  for (let n = 0; n < 5000; n++) printer.row([String(n)])
  t.ok(lines > 4000)
})
