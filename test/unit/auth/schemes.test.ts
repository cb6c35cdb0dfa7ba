// Every scheme against secrets made by others: `doveadm pw -s SCHEME -p 'pässword 1'` of Dovecot 2.3.19 (Debian),
// `openssl passwd -1|-5|-6 -salt …` of OpenSSL 3.0, and crypt(3) of libxcrypt 4.4.

import t from 'tap'
import { verifyPassword } from '../../../workers/password/verify.ts'
import { all } from '../../../workers/schemes/index.ts'

const made = [
  '{PLAIN}pässword 1',
  '{plain}pässword 1',
  '{CLEARTEXT}pässword 1',
  '{PLAIN.B64}cMOkc3N3b3JkIDE=',
  '{SHA256-CRYPT}$5$nRIyDM9tRO058q9G$8ksFQZzTXf976fnb//YzkPMiU/YCqY3xkN.GggpEVj/',
  '{SHA512-CRYPT}$6$kG1EcWaMBI.p0ArU$wJwAcaWmRhgT/sWTFDSzOKc524N.YZKWVKysWgwDxEBuRxkbE5hsAI.wfHD3K/6AuQTPB9vkQQcjdklMZvzHM.',
  '{SHA512-CRYPT.B64}JDYkQzNHOXFYUXhSZ2RnVVMxdCRQem9XSDVxQnEvQm1VQzg0T2xUY3cuMTlGSXRWMlBQTUx0YVZtUUVBeWR6OFh6dHc2SDhwY2EycDF4MW9EOTB1NENPbERteUguclJMTjFEc1p4NmQ0MA==',
  '{MD5-CRYPT}$1$zWxUL/JL$P1fsvsPQ8RmGqmZrewXJo/',
  '{CRYPT}$1$abcdefgh$IMzVET/M1yYukWiD32Z.T0',
  '{CRYPT}$2y$05$h4vmXNtVmrNUfeuPa7AuiurZpF056ztqnQ3zw8K4c3YfvDhdIZDGa',
  '{SSHA}w2nls30VkC/fY+/cNxoKBGmrZHmrJS4Z',
  '{SSHA.HEX}9b5bfb3b0e00d2ed5f934021d944bfec8a6bc3cdc72710d9',
  '{MD5}$1$zWxUL/JL$P1fsvsPQ8RmGqmZrewXJo/',
  '{MD5}ee0a0fa09df7c1e10c13c2792a1c5fba',
  '{SHA}wBFJYYjnh5eS5Eft5JORpd7Gkko=',
  '{SHA256}f7RERuWhObO3oHciFhtpNCnGhD0FNBL7CyE3AkK4vbA=',
  '{SHA256.HEX}7fb44446e5a139b3b7a07722161b693429c6843d053412fb0b21370242b8bdb0',
  '{SHA256}7fb44446e5a139b3b7a07722161b693429c6843d053412fb0b21370242b8bdb0',
  '{SSHA256}jc5KrX4m5mma7QgFx8IXN9Ed20vssqOBulRr36jwnwU+JzLN',
  '{SHA512}CKWQ1bFe+6HuV0fkV78KrhRH5bOjFVbkHBnd8vTWw2lc3YVFx8X2I6wtGQoVpZVuVsftC++RLO5GPIvd7H4Lyg==',
  '{SSHA512}opnln9uXistKM55BRugXJEwptsRggGLpw4CH0cszBEZE7VS0bpqIMo6z8Ji+tLsldUyNhp24VBk07YqYYd504J+PVDw=',
  '{PLAIN-MD5}ee0a0fa09df7c1e10c13c2792a1c5fba',
  '{PLAIN-MD5.B64}7goPoJ33weEME8J5Khxfug==',
  '{LDAP-MD5}7goPoJ33weEME8J5Khxfug==',
  '{SMD5}8uB99Kd05VMk/uGOeh9ed90UfVo=',
  '{BLF-CRYPT}$2y$05$h4vmXNtVmrNUfeuPa7AuiurZpF056ztqnQ3zw8K4c3YfvDhdIZDGa',
  '{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$WAy18O40GMxzFMD3TIvO3Q$6vErZsOfijtXh1oQy4+i4+/FaeP6HzCuNF9msJUh8Yc',
  '{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$Z5LTuvd97ZVfiatFuc5KnQ$62F1TbTwyx+QwmSiKCm12YseWGbHmKHRUfkMD8o71Ik',
  '{SCRAM-SHA-1}4096,brSmcFlomK50fwRaKHulHw==,nWX8BdX+rLigoO6tEpCJx7tH6PY=,iPzbk1W9n3xYHpdZ6Z4q8PE00JA=',
  '{SCRAM-SHA-256}4096,JleDqIUmyeuj8UEHzy5gPg==,UL8dRsmL0eGAOm64EVFv5LCw4MG2edhrZCX1oSuybCE=,bHdK+wxfBEcKOcgjFxNDhRMhvv1XNP2ZcmbMB6jHgkY=',
  '{PBKDF2}$1$S7QY6RJEN9dPHDiu$5000$a056075ed85c5d2fe6c0c36a4a5968eb7f73fd1a',
]

t.test('secrets made by doveadm pw and openssl', async (t) => {
  for (const secret of made) {
    t.equal(verifyPassword('pässword 1', secret, 'CRYPT'), true, secret)
    t.equal(verifyPassword('pässword 2', secret, 'CRYPT'), false, `${secret} and another password`)
    t.equal(verifyPassword('', secret, 'CRYPT'), false, `${secret} and no password`)
  }
})

t.test('what only the C library knows: yescrypt and its kin', async (t) => {
  const secrets = [
    '$y$j9T$abcdefgh$ygUVuoQ9v51xSDprq3ifMzxsPLXU74Cxy1YdVKWMuUB',
    '$gy$j9T$abcdefgh$NQe3TdljVpQGV0JmPfkvQNbTmSLIHTfV9Adei.lRPX9',
    '$7$CU..../....abcdefgh$P.OKBO5grvC1QPkCYfAwwkE8I35RCs25uRsKtQq9pGA',
  ]
  for (const secret of secrets) {
    t.equal(verifyPassword('pass', secret, 'CRYPT'), true, secret)
    t.equal(verifyPassword('Pass', secret, 'CRYPT'), false)
    t.equal(verifyPassword('pass\0more', secret, 'CRYPT'), false, 'nothing hides behind a NUL')
    t.equal(verifyPassword('pass', `${secret.slice(0, -1)}0`, 'CRYPT'), false)
  }
  t.equal(verifyPassword("pä'ss\"\\$x\n", '$y$j9T$abcdefgh$jqsRvWkce5U1SZl1qpCfBpYVIqMuqUI.mVdVNv8GcB1', 'CRYPT'), true, 'a password is data and nothing else')
})

t.test('every scheme of the folder is tried above', async (t) => {
  for (const scheme of all) {
    t.ok(made.some((secret) => scheme.names.some((name) => secret.toUpperCase().startsWith(`{${name}}`))), scheme.names[0])
  }
})

t.test('strings of crypt(3) with rounds, long salts and passwords of all lengths', async (t) => {
  const vectors: [string, string][] = [
    ['Hello world!', '$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5'],
    ['Hello world!', '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1'],
    ['Hello world!', '$5$rounds=10000$saltstringsaltstring$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA'],
    ['Hello world!', '$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.'],
    ['we have a short salt string but not a short password', '$5$rounds=77777$short$JiO1O3ZpDAxGJeaDIuqCoEFysAe1mZNJRs3pw0KQRd/'],
    ['a very much longer text to encrypt.  This one even stretches over morethan one line.',
      '$6$rounds=1400$anotherlongsalts$POfYwTEok97VWcjxIiSOjiykti.o/pQs.wPvMxQ6Fm7I6IoYN3CmLs66x9t0oSwbtEW7o7UmJEiDwGqd8p4ur1'],
    ['', '$5$x$yHbtfs4Y8t6X1xcJemNX.4JQRfUTafA2qQenWGLBee2'],
    ['', '$1$x$fwjfZtMwarkdetsjiQreU1'],
    ['q'.repeat(100), '$1$xyzzy$gTP0CFcknA3uARE6SqbGJ.'],
  ]
  for (const [password, secret] of vectors) t.equal(verifyPassword(password, secret, 'CRYPT'), true, secret)
})

t.test('the default scheme is used where there is no prefix', async (t) => {
  t.equal(verifyPassword('secret', 'secret', 'PLAIN'), true)
  t.equal(verifyPassword('secret', '736563726574', 'PLAIN.hex'), true)
  t.equal(verifyPassword('pässword 1', 'ee0a0fa09df7c1e10c13c2792a1c5fba', 'PLAIN-MD5'), true)
})

t.test('what cannot be checked is an error, not a wrong password', async (t) => {
  const unusable: [string, RegExp][] = [
    ['{NOSUCH}x', /Unknown scheme NOSUCH/],
    ['{SHA.b32}x', /Unknown encoding \.b32/],
    ['{SHA}notbase64!', /not base64/],
    ['{SHA.hex}abc', /not hex/],
    ['{SHA}AAAA', /not 20 bytes/],
    ['{SSHA}wBFJYYjnh5eS5Eft5JORpd7Gkko=', /without salt/],
    ['{CRYPT}FBEweSTXrCbRI', /DES crypt is not supported/],
    ['{CRYPT}$y$zz', /crypt\(3\) does not know/],
    ['{CRYPT}$md5$rounds=9$salt$hash', /crypt \$md5\$ is not supported/],
    ['{BLF-CRYPT}$2y$05$short', /not a bcrypt/],
    ['{BLF-CRYPT}$2x$05$h4vmXNtVmrNUfeuPa7AuiurZpF056ztqnQ3zw8K4c3YfvDhdIZDGa', /faulty bcrypt/],
    ['{SHA512-CRYPT}$5$ab$5ydlOaPxAq0', /not a SHA-crypt/],
    ['{MD5-CRYPT}$1$abcdefgh$short', /not an MD5-crypt/],
    ['{PBKDF2}$1$salt$0$00', /not \$1\$salt/],
    ['{ARGON2ID}$argon2i$v=19$m=32768,t=4,p=1$WAy18O40GMxzFMD3TIvO3Q$6vErZsOfijtXh1oQy4+i4+/FaeP6HzCuNF9msJUh8Yc', /not a string of argon2id/],
    ['{ARGON2ID}$argon2id$v=19$m=4294967295,t=3,p=1$Z5LTuvd97ZVfiatFuc5KnQ$62F1', /more than/],
  ]
  for (const [secret, message] of unusable) t.throws(() => verifyPassword('x', secret, 'CRYPT'), { name: 'UnusableSecret', message }, secret)
})
