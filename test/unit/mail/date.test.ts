// Dates of mail headers.

import t from 'tap'
import { formatDate, parseDate } from '../../../actors/mail/date.ts'

const at = (iso: string, zoneMinutes = 0): object => ({ unixSeconds: Date.parse(iso) / 1000, zoneMinutes })

void t.test('parsing', async (t) => {
  for (const [value, expected] of [
    ['Mon, 23 Nov 2026 21:06:00 +0100', at('2026-11-23T20:06:00Z', 60)],
    ['23 Nov 2026 21:06 GMT', at('2026-11-23T21:06:00Z')],
    [' Mon, 23 Nov 2026 21:06:00 +0100 (CET) ', at('2026-11-23T20:06:00Z', 60)],
    ['Thu, 13 Feb 1969 23:32 -0330', at('1969-02-14T03:02:00Z', -210)],
    ['Fri, 21 Nov 97 09:55:06 -0600', at('1997-11-21T15:55:06Z', -360)],
    ['Fri, 21 Nov 1997 09(comment):   55  :  06 -0600', at('1997-11-21T15:55:06Z', -360)],
    ['1 Jan 49 00:00:00 UT', at('2049-01-01T00:00:00Z')],
    ['1 Jan 50 00:00:00 UT', at('1950-01-01T00:00:00Z')],
    ['1 Jan 102 10:00:00 EST', at('2002-01-01T15:00:00Z', -300)],
    ['1 Jan 2020 10:00:00 PDT', at('2020-01-01T17:00:00Z', -420)],
    ['Tue, 1 Jul 2003 10:52:37 A', at('2003-07-01T10:52:37Z')],
    ['Tue, 1 Jul 2003 10:52:37 XYZ', at('2003-07-01T10:52:37Z')],
    ['Tue, 1 Jul 2003 10:52:37', at('2003-07-01T10:52:37Z')],
    ['29 Feb 2024 12:00:00 +0000', at('2024-02-29T12:00:00Z')],
    ['Sat, 31 Dec 2016 23:59:60 +0000', at('2016-12-31T23:59:59Z')],
    ['Mon, 23 Nov 2026 21:06:00 GMT+0200', at('2026-11-23T19:06:00Z', 120)],
    ['Mon, 23 Nov 2026 21:06:00 +01:00', at('2026-11-23T20:06:00Z', 60)],
    ['Mon Nov 23 21:06:00 2026', at('2026-11-23T21:06:00Z')],
    ['Mon Nov 23 21:06:00 CET 2026', at('2026-11-23T20:06:00Z', 60)],
    ['Nov 23, 2026 9:06 PM', at('2026-11-23T21:06:00Z')],
    ['Sunday, 06-Nov-94 08:49:37 GMT', at('1994-11-06T08:49:37Z')],
    ['Mon, 23 November 2026 21.06.00 +0000', at('2026-11-23T21:06:00Z')],
    ['Mon, 23 Nov 2026 21:06:00 +9900', at('2026-11-23T21:06:00Z')],
    ['Mon, 23 Nov 2026', at('2026-11-23T00:00:00Z')],
  ] as const) t.same(parseDate(value), expected, value)
  for (const value of ['', 'yesterday', '31 Feb 2020 10:00:00 +0000', '29 Feb 2023 1:00', '0 Jan 2020 1:00', '1 Foo 2020 1:00', '1 Jan 2020 24:00', '1 Jan 2020 1:60']) {
    t.equal(parseDate(value), undefined, value)
  }
})

void t.test('writing', async (t) => {
  t.equal(formatDate({ unixSeconds: 0, zoneMinutes: 0 }), 'Thu, 1 Jan 1970 00:00:00 +0000')
  t.equal(formatDate({ unixSeconds: 1795464360, zoneMinutes: 60 }), 'Mon, 23 Nov 2026 21:06:00 +0100')
  t.equal(formatDate({ unixSeconds: 1795464360, zoneMinutes: -210 }), 'Mon, 23 Nov 2026 16:36:00 -0330')
})
