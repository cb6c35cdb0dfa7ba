// A share of the generated mails with every test run; more by `node test/fuzz/mime.ts COUNT SEED`.

import t from 'tap'
import { fuzz } from './mime.ts'

void t.test('generated mails', async (t) => {
  t.ok(fuzz(5000, 1) > 1_000_000, 'read, and nothing was wrong')
})
