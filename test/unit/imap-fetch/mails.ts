// Sample mails, as byte strings with LF line ends: shapes that clients and servers have been known to disagree on.

export const mails: readonly string[] = [
  // plain
  `From: Alice Example <alice@example.org>
To: bob@example.com
Subject: Hello
Date: Mon, 7 Feb 1994 21:52:25 -0800 (PST)
Message-ID: <B27397-0100000@example.org>

Line one
Line two
`,
  // groups
  `Date: 5 Jan 2020 10:00 GMT
From: "Quoted \\"Name\\" X" <q@example.org>, second@example.org
Sender: =?utf-8?Q?S=C3=A4nder?= <s@example.org>
Reply-To: reply@example.org (Reply Comment)
To: Group: a@b.c, "D E" <d@e.f>; , undisclosed-recipients:;
Cc: <@route.example,@two:cc@example.org>, broken
Bcc: bcc@example.org
In-Reply-To: <x@y>
Subject: =?iso-8859-1?q?caf=E9?= and "quotes" \\ back
Message-Id: <m@id>

x`,
  // alternative
  `From: a@b
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="b1"; charset=utf-8

preamble
--b1
Content-Type: text/plain; charset="utf-8"; format=flowed
Content-Transfer-Encoding: 8bit

plain
two
--b1
Content-Type: text/html

<p>html</p>

--b1--
epilogue
`,
  // nested
  `From: a@b
Subject: outer
Content-Type: multipart/mixed; boundary=outer

--outer
Content-Type: multipart/related; boundary=inner

--inner
Content-Type: text/html; charset=us-ascii
Content-ID: <c1@x>
Content-Description: an html part
Content-Language: en, de
Content-Location: http://example.org/
Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==

<b>x</b>
--inner
Content-Type: image/png; name="a b.png"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="a b.png"; size=12

aGVsbG8gd29ybGQ=
--inner--
--outer
Content-Type: message/rfc822
Content-Disposition: inline

From: Inner <inner@example.org>
To: x@y
Subject: inner subject
Date: Tue, 8 Feb 1994 21:52:25 -0800
Content-Type: multipart/mixed; boundary=in2

--in2

part one of inner
--in2
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

AAAA
--in2--
--outer--
`,
  // minimal
  `
body only
`,
  // empty
  `Subject: no body
`,
  // odd
  `From: 
To: "unterminated <a@b>
Subject: 
Date: nonsense
Content-Type: text
Content-Transfer-Encoding: 
Content-Disposition: 
Message-ID: 

x
`,
  // 8bit
  `From: J\xf6rg <j@x>
Subject: raw \xc3\xa4 utf8
X-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
 folded
Content-Type: text/plain; charset=x; name*=utf-8''%e2%82%ac

\xe4
`,
  // emptymulti
  `Content-Type: multipart/mixed; boundary=zz
Subject: no parts

nothing here
`,
  // rfc822top
  `From: o@o
Content-Type: message/rfc822

Subject: in
Content-Type: text/plain

text
`,
  // digest
  `From: o@o
Content-Type: multipart/digest; boundary=d

--d

From: one@x
Subject: d1

one
--d

From: two@x

two
--d--
`,
  // folded
  `From: "A
 B" <a@b>,
 c@d
Subject: folded
 subject\x09with tab
To: a@b (c (nested) d), (only comment), <>
Content-Type: TEXT/Plain;
\x09charset=UTF-8;
\x09x="a\\"b"

z
`,
]
