// A share of the generated streams with every test run; more by `node test/fuzz/imap.ts COUNT SEED`.

import t from 'tap'
import { fuzz } from './imap.ts'

void t.test('generated command streams', async (t) => {
  t.ok(await fuzz(1500, 1) > 500_000, 'borne')
})
