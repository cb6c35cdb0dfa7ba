// A share of the generated streams with every test run; more by `node test/fuzz/imap.ts --inputs 1000000 --seed N`.

import t from 'tap'
import { fuzz } from './imap.ts'

void t.test('generated command streams', async (t) => {
  const report = await fuzz(6000, 1)
  t.equal(report.inputs, 6000, 'borne')
  t.ok(report.answered.ok > 6000 && report.answered.no > 400 && report.answered.bad > 2000, `commands that are done, refused and not understood: ${JSON.stringify(report.answered)}`)
})
