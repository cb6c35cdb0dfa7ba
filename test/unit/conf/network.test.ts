// The one form of an address.

import t from 'tap'
import { canonicalAddress } from '../../../conf/network.ts'

t.test('addresses have one form', async (t) => {
  for (const [written, form] of [
    ['192.0.2.1', '192.0.2.1'], ['192.000.002.001', '192.0.2.1'], ['::ffff:192.0.2.1', '192.0.2.1'], ['::FFFF:c000:201', '192.0.2.1'], ['0.0.0.0', '0.0.0.0'],
    ['::', '::'], ['::1', '::1'], ['0:0:0:0:0:0:0:1', '::1'], ['2001:DB8::', '2001:db8::'], ['2001:db8:0:0:1:0:0:0', '2001:db8:0:0:1::'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'], ['2001:0db8::0001', '2001:db8::1'], ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'], ['fe80::1%eth0', 'fe80::1'],
  ] as const) t.equal(canonicalAddress(written), form, written)
  for (const none of ['', '1.2.3', '1.2.3.4.5', '256.1.1.1', '1.2.3.4 ', ':::', '1::2::3', '12345::', 'g::', 'localhost', '10.0.0.0/8', '1.2.3.4\r\n']) {
    t.equal(canonicalAddress(none), undefined, JSON.stringify(none))
  }
})
