// A share of the generated conversations with every test run; more by `node test/fuzz/lmtp.ts --inputs N --seed N`.

import t from 'tap'
import { fuzzLmtp } from './lmtp.ts'

void t.test('generated conversations', async (t) => {
  t.ok(await fuzzLmtp(500, 1) > 1_000_000, 'borne')
})
