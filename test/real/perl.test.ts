// Perl's Mail::IMAPClient: what scripts do with it, and what it then sees; the end state is looked at from outside.

import fs from 'node:fs'
import path from 'node:path'
import { deliverLetters } from '../fixtures/deliver.ts'
import { runProgram } from '../fixtures/program.ts'
import { password } from '../fixtures/server.ts'
import { clientTest } from './client-test.ts'
import { mailboxContents } from './mailbox-contents.ts'

const user = 'perl'

const script = (port: number): string => `
use strict; use warnings; use Mail::IMAPClient;
my $c = Mail::IMAPClient->new(Server => '127.0.0.1', Port => ${port}, User => '${user}', Password => '${password}', Uid => 1) or die "login: $@";
sub must { my ($what, $done) = @_; die "$what: " . ($c->LastError // '') unless $done; return $done }
must('create', $c->create('Kept'));
must('select', $c->select('INBOX'));
print "count ", $c->message_count, "\\n";
my @seven = $c->search('SUBJECT', \\'"letter 7"'); print "search @seven\\n";
must('flag', $c->store($seven[0], '+FLAGS.SILENT', '(\\\\Flagged own)'));
must('see', $c->see(1, 2));
must('copy', $c->copy('Kept', 3, 4));
must('move', $c->move('Kept', 5));
must('delete', $c->delete_message(6));
must('expunge', $c->expunge);
my $mail = "Subject: appended by Perl\\r\\nFrom: p\\@example.org\\r\\n\\r\\n" . ("line with some text\\r\\n" x 20000);
my $uid = must('append', $c->append_string('INBOX', $mail, '\\\\Seen \\\\Answered')); print "appended $uid\\n";
print "size ", $c->size($uid), " of ", length($mail), "\\n";
my $back = $c->message_string($uid); print "same ", ($back eq $mail ? 'yes' : 'no'), "\\n";
my $headers = $c->parse_headers([1], 'Subject', 'From'); print "header $headers->{1}{Subject}[0]\\n";
my $structure = $c->get_bodystructure(1); print "type ", $structure->bodytype, "/", $structure->bodysubtype, "\\n";
my $envelope = $c->get_envelope(1); print "from ", join(',', $envelope->from_addresses), "\\n";
print "flags ", join(' ', sort grep { $_ ne '\\\\Recent' } $c->flags($seven[0])), "\\n";
print "threads ", scalar(@{$c->thread('REFERENCES', 'UTF-8', 'ALL')}), "\\n";
print "sorted ", join(' ', ($c->sort('REVERSE SIZE', 'UTF-8', 'ALL'))[0]), "\\n";
must('idle', my $idle = $c->idle); must('done', $c->done($idle));
must('rename', $c->rename('Kept', 'Kept later')); must('subscribe', $c->subscribe('Kept later'));
print "subscribed ", join(',', $c->subscribed), "\\n";
print "unseen ", $c->unseen_count('INBOX'), "\\n";
must('logout', $c->logout);
`

clientTest('Mail::IMAPClient', ['libmail-imapclient-perl', 'libparse-recdescent-perl'], async (t, { server, scratch }) => {
  await deliverLetters(server.lmtpPort, user, 1, 9)
  fs.writeFileSync(path.join(scratch, 'script.pl'), script(server.imapPort))
  const done = await runProgram('perl', [path.join(scratch, 'script.pl')])
  t.equal(done.code, 0, done.stderr)
  t.same(done.stdout.trimEnd().split('\n'), [
    'count 9', 'search 7', 'appended 10', 'size 420050 of 420050', 'same yes', 'header letter 1', 'type TEXT/PLAIN',
    'from Sender 1 <sender1@example.org>', 'flags \\Flagged own', 'threads 8', 'sorted 10', 'subscribed Kept later,Sent', 'unseen 5',
  ])
  const inbox = await mailboxContents(server.imapPort, user, 'INBOX')
  t.same([...inbox].sort(), [['appended by Perl', '\\Answered \\Seen'], ['letter 1', '\\Seen'], ['letter 2', '\\Seen'], ['letter 3', ''], ['letter 4', ''], ['letter 7', '\\Flagged own'], ['letter 8', ''], ['letter 9', '']])
  t.same([...(await mailboxContents(server.imapPort, user, '"Kept later"')).keys()].sort(), ['letter 3', 'letter 4', 'letter 5'])
})
