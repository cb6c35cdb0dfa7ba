// A share of the generated configurations with every test run; more by `node test/fuzz/conf.ts --inputs N --seed N`.

import t from 'tap'
import { fuzzConf } from './conf.ts'

void t.test('generated configurations', async (t) => {
  const { loaded, refused } = fuzzConf(1500, 1)
  t.ok(loaded > 50 && refused > 500, `${loaded} loaded, ${refused} refused`)
})
