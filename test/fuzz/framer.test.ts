// A share of the generated input with every test run; more by `node test/fuzz/framer.ts --inputs N --seed N`.

import t from 'tap'
import { fuzzFramer } from './framer.ts'

void t.test('generated input is framed alike, however it is cut', async (t) => {
  t.ok(fuzzFramer(5000, 1) > 20_000)
})
