// PHP's imap extension (the UW c-client library, as many webmailers use it); the end state is looked at from outside.

import fs from 'node:fs'
import path from 'node:path'
import { deliverLetters } from '../fixtures/deliver.ts'
import { runProgram } from '../fixtures/program.ts'
import { password } from '../fixtures/server.ts'
import { clientTest } from './client-test.ts'
import { mailboxContents } from './mailbox-contents.ts'

const user = 'php'

const script = (port: number): string => `<?php
$server = '{127.0.0.1:${port}/imap/notls/novalidate-cert}';
$c = imap_open($server . 'INBOX', '${user}', '${password}') or die(imap_last_error());
function must($what, $done) { if ($done === false) { fwrite(STDERR, "$what: " . imap_last_error()); exit(1); } return $done; }
echo 'count ', imap_num_msg($c), "\\n";
echo 'search ', implode(' ', must('search', imap_search($c, 'SUBJECT "letter 7"', SE_UID))), "\\n";
must('flag', imap_setflag_full($c, '7', '\\\\Flagged own', ST_UID));
echo 'header ', imap_headerinfo($c, 1)->subject, ' ', imap_headerinfo($c, 1)->from[0]->mailbox, "\\n";
$structure = imap_fetchstructure($c, 1); echo "structure $structure->type $structure->subtype $structure->lines\\n";
echo 'body ', trim(imap_fetchbody($c, 1, '1', FT_PEEK)), "\\n";
must('create', imap_createmailbox($c, $server . 'B&APw-cher'));
must('copy', imap_mail_copy($c, '3:4', 'B&APw-cher'));
must('move', imap_mail_move($c, '5', 'Trash'));
must('delete', imap_delete($c, '6'));
must('expunge', imap_expunge($c));
$mail = "Subject: appended by PHP\\r\\nMIME-Version: 1.0\\r\\nContent-Type: multipart/mixed; boundary=b\\r\\n\\r\\n--b\\r\\n\\r\\ntext\\r\\n--b\\r\\nContent-Type: application/pdf; name=\\"x y.pdf\\"\\r\\nContent-Transfer-Encoding: base64\\r\\n\\r\\nAAEC\\r\\n--b--\\r\\n";
must('append', imap_append($c, $server . 'INBOX', $mail, '\\\\Seen', '23-Nov-2026 10:00:00 +0000'));
imap_check($c);
$last = imap_num_msg($c); $structure = imap_fetchstructure($c, $last);
echo "last $last ", count($structure->parts), ' ', $structure->parts[1]->subtype, ' ', $structure->parts[1]->parameters[0]->value, ' ', bin2hex(base64_decode(imap_fetchbody($c, $last, '2'))), "\\n";
echo 'sorted ', implode(' ', imap_sort($c, SORTSUBJECT, false, SE_UID)), "\\n";
echo 'threads ', count(array_filter(array_keys(imap_thread($c, SE_UID)), fn($key) => str_ends_with($key, '.num'))), "\\n";
$status = imap_status($c, $server . 'Trash', SA_ALL); echo "status $status->messages $status->unseen $status->uidnext\\n";
$boxes = array_map(fn($name) => str_replace($server, '', $name), imap_list($c, $server, '*')); sort($boxes); echo 'list ', implode(' ', $boxes), "\\n";
must('clear', imap_clearflag_full($c, '1', '\\\\Seen'));
must('close', imap_close($c));
`

clientTest('PHP imap', ['php-cli', 'php-imap'], async (t, { server, scratch }) => {
  await deliverLetters(server.lmtpPort, user, 1, 9)
  fs.writeFileSync(path.join(scratch, 'script.php'), script(server.imapPort))
  const done = await runProgram('php', [path.join(scratch, 'script.php')])
  t.equal(done.code, 0, done.stdout + done.stderr)
  t.same(done.stdout.trimEnd().split('\n'), [
    'count 9', 'search 7', 'header letter 1 sender1', 'structure 0 PLAIN 2', 'body This is letter 1.', 'last 8 2 PDF x y.pdf 000102', 'sorted 10 1 2 3 4 7 8 9', 'threads 8', 'status 1 1 2',
    'list B&APw-cher Drafts INBOX Sent Trash',
  ])
  const inbox = await mailboxContents(server.imapPort, user, 'INBOX')
  t.same([...inbox].sort(), [['appended by PHP', '\\Seen'], ['letter 1', ''], ['letter 2', ''], ['letter 3', ''], ['letter 4', ''], ['letter 7', '\\Flagged own'], ['letter 8', ''], ['letter 9', '']])
  t.same([...(await mailboxContents(server.imapPort, user, 'B&APw-cher')).keys()].sort(), ['letter 3', 'letter 4'])
  t.same([...(await mailboxContents(server.imapPort, user, 'Trash')).keys()], ['letter 5'])
})
