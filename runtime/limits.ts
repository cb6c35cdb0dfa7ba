// Every number that bounds something, with its reason. A module takes its limits from here (or has them passed in by a
// test), never as a literal of its own. Settings that an operator can change have their defaults in conf/settings instead.

export const limits = {
  /** RFC 5321 §4.5.3.1.4 asks for 512; extensions (XCLIENT, ORCPT) add to it. */
  lmtpLineBytes: 4096,
  /** Before login a client has no reason to send more in one command: the largest ID fits (RFC 2971 §3.3: 30 fields, 30 + 1024 octets each). */
  preLoginLineBytes: 40 * 1024,
  /** What a proxy says of its client: its session id (Dovecot: 64), fields for the passdb (as of an ID: RFC 2971 §3.3). */
  sessionIdBytes: 64,
  forwardFields: 30,
  forwardNameBytes: 30,
  forwardValueBytes: 1024,
  /** Proxies that one connection may pass (as Dovecot's). */
  proxyTtl: 5,
  /** A line of a server that a client is passed on to, and what of it may wait to be read. */
  backendLineBytes: 64 * 1024,
  /** Silence after which the system asks whether a backend is still there (ms): who idles is not told when its machine is gone. */
  backendAliveMs: 60_000,
  /** Before a backend that said UNAVAILABLE, or could not be reached, is tried again (ms). */
  proxyRetryMs: 1_000,
  /** Both sides of a connection that is passed on are asked so often whether they still are there (ms): phones pay for each time. */
  proxyKeepAliveMs: 5 * 60_000,
  /** A reply of a backend to LMTP commands, and to a whole message (ms; RFC 5321 §4.5.3.2). */
  lmtpReplyLines: 100,
  lmtpReplyMs: 60_000,
  lmtpSavedMs: 10 * 60_000,
  /** A PROXY header: the longest addresses (UNIX sockets) and 304 bytes of what else it may say. */
  proxyHeaderBytes: 536,
  /** All literals of one command but an APPEND message: names, SEARCH keys, passwords. */
  commandLiteralBytes: 512 * 1024,
  /** A literal that a client may send unasked where LITERAL- is offered (RFC 7888 §5). */
  literalMinusBytes: 4096,
  /** Messages of one APPEND (their summaries lie in memory), pieces of one CATENATE, bytes of a URL: a mailbox name escaped, and a section. */
  appendMessages: 1000,
  appendPieces: 10_000,
  urlBytes: 8192,
  /** Message text that one APPEND of many messages keeps in memory; more is spooled. */
  appendMemoryBytes: 2 * 1024 * 1024,
  /** A message by APPEND or DATA, above any mail worth having; less where the configuration says so. */
  messageBytes: 1024 * 1024 * 1024,
  /** A message body up to this stays in memory, a longer one is spooled to mail_temp_dir (as Dovecot's LMTP does). */
  memoryBodyBytes: 128 * 1024,
  /** Bytes collected for one append to a spool file. */
  spoolBatchBytes: 64 * 1024,
  /** Parenthesised lists in an IMAP command, SEARCH nesting. */
  imapNesting: 32,
  /** Commands of one connection that may run in one turn of the event loop, one after another; then others have theirs. */
  pipelinedCommands: 64,
  /** Bad commands in a row before BYE: before and after login (Dovecot: 3 and 20). */
  badCommandsPreLogin: 3,
  badCommands: 20,
  /** Pairs of one ID (RFC 2971 §3.3). */
  idFields: 30,
  /** Fewest messages of a UID batch: more than 500 may not be asked (draft-ietf-mailmaint-imap-uidbatches), and fewer make long answers. */
  uidBatchMessages: 500,
  /** How often a command that takes long tells how far it has come (Dovecot; RFC 9585 §4 recommends 10 to 15 s) (ms). */
  inProgressMs: 10_000,
  /** Wildcards of one LIST pattern; each may cost a pass over every name. */
  patternWildcards: 32,
  /** Patterns of one LIST (RFC 5258); each is compared with every name. */
  listPatterns: 100,
  /** Unsent bytes of one connection at which its producers stop, and at which they go on. */
  wireHighBytes: 256 * 1024,
  wireLowBytes: 64 * 1024,
  /** Unsent bytes nobody waits for (IDLE updates to a client that does not read): the connection is dropped. */
  wireMaxBytes: 16 * 1024 * 1024,
  /** Received and unconsumed bytes of one connection at which the socket is paused. */
  inputHighBytes: 256 * 1024,
  /** COMPRESS: text inflated at a time; a few bytes may stand for a thousand times as many. */
  inflatePieceBytes: 16 * 1024,
  /** Text sent that the next batch may refer to: more would be hashed anew for each small answer. */
  deflateHistoryBytes: 8 * 1024,
  /** A batch up to this is deflated in a small window: setting up a whole one costs more than it would save. */
  deflateSmallBytes: 4 * 1024,
  /** A compressed connection without traffic for this long gives back its memory (ms). */
  compressionRestMs: 10_000,
  /** A client that takes none of the bytes waiting for it for this long is gone (ms). */
  slowClientMs: 5 * 60 * 1000,
  /** After our FIN a client has this long to read what is on its way and to answer with its own (ms). */
  lingerMs: 5_000,
  /** Connected, not logged in (Dovecot: 3 min); idle IMAP after login, not in IDLE (RFC 9051 §5.4: at least 30 min); LMTP. (ms) */
  preLoginMs: 3 * 60 * 1000,
  imapIdleMs: 30 * 60 * 1000,
  lmtpIdleMs: 5 * 60 * 1000,
  /** A TLS handshake: three round trips and a slow computation, of a telephone in a tunnel (ms). How many one worker has at a time (some 60 KB each): beyond, the oldest is given up. */
  tlsHandshakeMs: 30_000,
  tlsHandshakes: 1000,
  /** RFC 4616 asks for 255 octets at least; hashing cost grows with the password's length. */
  userNameBytes: 1024,
  passwordBytes: 1024,
  /** A bearer token: JWTs with many claims are a few kilobytes. A whole message of its mechanism fits into a line before login. */
  tokenBytes: 16 * 1024,
  /** A passdb's delay_until: who waits longer would be ended by preLoginMs instead (ms). */
  delayUntilMs: 2 * 60 * 1000,
  /** Iterations of a stored SCRAM secret: an auth thread does about a million SHA-256 rounds a second. */
  scramIterations: 1_000_000,
  /** Memory that one Argon2 hash in a users file may ask for; every auth worker may need it at once. */
  argon2KiB: 1024 * 1024,
  /** passwd-files kept parsed by one auth worker (a path may have %d), and the size of one: it lies in memory whole. */
  passwdFiles: 64,
  passwdFileBytes: 64 * 1024 * 1024,
  /** Asking the system's name service for one user (ms). */
  systemUserMs: 20_000,
  /** LDAP filters within one another. */
  ldapFilterDepth: 32,
  /** Connecting to one LDAP server, TLS included; one answer; a whole look-up with fail-over, well below askMs (ms). */
  ldapConnectMs: 3_000,
  ldapAnswerMs: 10_000,
  ldapLookupMs: 20_000,
  /** Addresses with a penalty, each some 500 bytes for 15 s; logins that wait, for a database or for their penalty (a promise each). */
  authPenalties: 20_000,
  authWaiting: 50_000,
  /** Accounts of recipients that a session worker keeps: some thousands. */
  knownAccountBytes: 4 * 1024 * 1024,
  /** verbose_proctitle: how long a change may wait to be shown (ms). */
  processTitleMs: 500,
  /** How often a flood of connections is told (ms). */
  floodWarnMs: 10_000,
  /** Remembered look-ups: how long a refusal counts at first (ms), and wrong passwords of one user. */
  authAgainMs: 15_000,
  authWrongPasswords: 8,
  /** How long a directory or database that failed is passed over: at first, and at most, after each failure twice as long (ms). */
  databaseRetryMs: 100,
  databaseRetryMaxMs: 5_000,
  /** Threads that hold sessions: each is linked with every other, and has a heap of its own. */
  sessionWorkers: 256,
  /** Threads of object I/O: no machine has more to do for them, and each needs its part of the 256 directories of every fscache. */
  storageWorkers: 64,
  /** Look-ups at a time: each may have two connections to a directory, which serves others too. */
  authWorkers: 1000,
  /** Connecting to an OAuth2 provider, its answer (ms), and connections of a thread to it. */
  oauthConnectMs: 5_000,
  oauthAnswerMs: 10_000,
  oauthConnections: 100,
  /** Names of keys in a token; how far a clock that makes tokens may be ahead of ours. */
  jwtNameBytes: 200,
  jwtSkewSeconds: 60,
  /** The same as ldapConnectMs and so on, of an SQL database. */
  sqlConnectMs: 3_000,
  sqlAnswerMs: 10_000,
  sqlLookupMs: 20_000,
  /** Rows that are read at a time where all users are listed. */
  sqlPageRows: 1_000,
  /** One LDAP answer, and the entries of a page where all users are listed. */
  ldapAnswerBytes: 16 * 1024 * 1024,
  ldapPageEntries: 500,
  /** Names in one list of all users (some 40 bytes each, in memory for a moment). */
  listedUsers: 1_000_000,
  /** One request of an administrator: a few names and options. */
  adminRequestBytes: 256 * 1024,
  /** Recipients of one LMTP transaction; RFC 5321 §4.5.3.1.8 asks for at least 100. */
  lmtpRecipients: 1000,
  /** Deliveries of one message that run at a time. */
  lmtpParallelDeliveries: 10,

  /** MIME: nesting of multiparts and message/rfc822, parts in all, and header bytes kept while parsing; beyond, a part is plain text. */
  mimeDepth: 100,
  mimeParts: 10_000,
  headerBytes: 1024 * 1024,
  /** One header field while parsing or searching; what is longer is read up to here. */
  mimeFieldBytes: 64 * 1024,
  /** A boundary (RFC 2046 allows 70 characters, a line 998) is compared up to here: this much of a line may have to wait for its rest. */
  mimeBoundaryBytes: 998,
  /** Pieces of one parameter (RFC 2231), white space that waits for the end of a quoted-printable line, length of a date. */
  parameterPieces: 1000,
  quotedPrintableSpace: 1000,
  dateLength: 1000,
  /** Characters whose comparison key is remembered, one thread. */
  casemapKeys: 20_000,
  /** Bytes of a text part that a preview is made from (HTML begins with styles), and characters of a preview (RFC 8970 §3.1). */
  previewBytes: 16 * 1024,
  previewCharacters: 200,
  /** A header field longer than this is not kept in the message cache. */
  cachedFieldBytes: 2048,
  cachedHeaderBytes: 32 * 1024,

  /** METADATA (RFC 5464): one value, an entry's name, entries of one command, and all of a user (they are in every root bundle). */
  metadataValueBytes: 64 * 1024,
  metadataNameBytes: 256,
  metadataEntries: 100,
  metadataBytes: 1024 * 1024,
  /** ACL (RFC 4314): entries of all of a user's mailboxes (they are in every root bundle), bytes of an identifier. */
  aclEntries: 1000,
  aclIdentifierBytes: 256,
  /** Mailbox names (bytes of UTF-8, Dovecot: 4096 with 255 a level), levels, mailboxes of a user, keywords of a mailbox, length of a keyword. */
  mailboxNameBytes: 1000,
  mailboxLevels: 20,
  mailboxes: 50_000,
  keywords: 256,
  keywordBytes: 128,
  /** Updates a mailbox keeps for views that lag behind; a view further behind compares whole columns instead. */
  updateLog: 4096,
  /** Ranges of expunged UIDs a mailbox remembers for QRESYNC: some 30 KB of its snapshot. Who was away longer hears of every UID that is not there. */
  expungeLogRanges: 4096,
  /** Ranges of one VANISHED (EARLIER): lines of some 10 KB, which slow clients take one by one. */
  vanishedRanges: 1000,
  /** Ranges of UIDs that are \Recent in one view: one more for each time it claims after another session did. */
  recentRanges: 256,
  /** Items of one FETCH: more than there are, each with a few sections. */
  fetchItems: 1000,
  /** Text of FETCH answers gathered before it goes to the wire: a few hundred messages' flags. */
  fetchTextBytes: 16 * 1024,
  /** Bodies of one FETCH prepared ahead in memory, beside the one being sent. */
  fetchAheadBytes: 2 * 1024 * 1024,
  /** NOT, OR and lists within one another in a SEARCH; clients that look for many things at once write long chains of OR. */
  searchNesting: 500,
  /** Orders and threads of a mailbox kept for who asks again (8 bytes a message and order; threads some 50), for how long after the last use (ms), and of how many messages at least. */
  keptResults: 4,
  keptResultMs: 5 * 60_000,
  keptResultMessages: 500,
  /** Searches of one session that go on (RFC 5267): each is asked about every change. */
  liveSearches: 16,
  /** How long a command's reply waits for what they read because of it; what comes later is told with the next news (ms). */
  liveSearchMs: 2_000,
  /** `culver bench`: one response (its own mails are smaller), times kept of one command (100,000 tell p99 well), problems shown in full. */
  benchResponseBytes: 64 * 1024 * 1024,
  benchSamples: 100_000,
  benchProblems: 10,
  /** Mailbox names of one NOTIFY (as in Dovecot): each event is compared with all of them; responses that wait for a client that is slow. */
  notifyNames: 100,
  notifyPending: 4096,
  /** How long one session computes before the others of its thread have a turn (ms): nobody notices, and the pauses cost little. */
  turnMs: 5,
  /**
   * UIDs reserved ahead: by the manifest, should bundles be lost; by the uploaded bundle; and by the local journal against a crash between
   * allocation and journal. Who has lost its local state goes on behind what was reserved: the first is as long as ten such losses.
   */
  uidReserveManifest: 100_000,
  uidReserveBundle: 10_000,
  uidReserveJournal: 64,
  /** Journal bytes after which a mailbox writes a new snapshot (at least; also the snapshot's own size). */
  journalBytes: 256 * 1024,
  /**
   * As so many of these counts each row that a record changes: a STORE to a whole mailbox is short, and takes long to replay. As a row of a
   * snapshot has about 80, four STOREs to all messages of a large mailbox are followed by a snapshot.
   */
  journalRowBytes: 20,
  /** Epochs of a user that may have passed since the newest copy of its mailbox list, when the manifest that counts them is lost. */
  epochLeap: 100_000,
  /** Modseqs that may have been told since a bundle was uploaded: added when the local state is lost. */
  modseqReserve: 1_000_000,
  /**
   * Index bundles: one up to this is always uploaded whole; a larger one is followed by diffs, of which the last grows up to
   * this before it is merged into the one before. That one may grow up to this share (1/n) of the base before there is a new base.
   */
  bundleDiffBytes: 16 * 1024,
  bundleDiffShare: 4,
  /** The diffs upon a base of more bytes are asked for when that is read: a store gives up on answers that nobody takes. */
  bundleAheadBytes: 16 * 1024 * 1024,
  /** How often session workers tell what the users in memory take of the local disk, and how long what is told waits to be written (ms). */
  spaceReportMs: 30_000,
  spaceWriteMs: 1000,
  /** Users evicted at a time: each may upload something. One that could not be is tried again after so long (ms). */
  evictions: 4,
  evictAgainMs: 60_000,
  /** Eviction goes on until so much (1/n) of metacache_max_space is free, so that it does not begin again with the next mail. */
  evictShare: 50,
  /** Levels of directories between metacache_roots and the users' indexes. */
  metacacheDepth: 10,
  /** Message cache files smaller than this are never compacted. */
  cacheCompactBytes: 1024 * 1024,
  /** Bytes read from a message cache at once: a hundred neighbouring summaries. A scan of many reads four times as much, and as much again ahead. */
  cacheWindowBytes: 64 * 1024,
  /** Which of another server's mailboxes was INBOX is found out of so many, by so many mails of each: a request for each, once. */
  guessedMailboxes: 50,
  guessedMails: 3,
  /** A POP3 UIDL that was migrated: RFC 1939 §7 has 70, some servers' are longer. */
  pop3UidlBytes: 512,
  /** Requests at a time for mails of another server, whose names do not say enough, when a mailbox is rebuilt. */
  rebuildRequests: 10,
  /**
   * Of a user, a backend acknowledges mails so long after it was last sure that the user is its own (ms); one HEAD buys it anew. Where
   * nothing is written, it asks before a mailbox is opened, and of idle sessions, after the longer times.
   */
  leaseMs: 60_000,
  leaseReadMs: 5 * 60_000,
  leaseIdleMs: 15 * 60_000,
  /**
   * So long after a user was taken, mailboxes that had to be listed are listed once more (ms): after it, nothing comes in any more that a
   * former owner has acknowledged (leaseMs) or that was on the wire when it died.
   */
  secondLookMs: 3 * 60_000,
  /** So long after the objects of a deleted mailbox were deleted, nothing can have come late, whatever is wrong with clocks (ms). */
  eraseAgainMs: 24 * 60 * 60_000,
  /** Findings of one user's verification that are told one by one. */
  verifyFindings: 10_000,
  /** How long an administrator waits for what is done to one user (ms): a hundred thousand mails are adopted in less. */
  maintenanceMs: 60 * 60_000,
  /** Summaries kept decoded for each loaded mailbox. */
  decodedSummaries: 32,
  /** A mailbox that nobody uses is closed after this, a user without sessions and mailboxes after that (ms). */
  mailboxIdleMs: 5_000,
  userIdleMs: 10_000,

  /** Messages waiting for one actor; an asker beyond it gets TempFail. */
  mailboxQueue: 10_000,
  /** Requests waiting in the storage worker, and of one user of them. */
  storageQueue: 10_000,
  storageQueuePerUser: 1000,
  /** An object key (S3: 1024 bytes of UTF-8). */
  objectKeyBytes: 1024,
  /** Objects in one page of a listing, and keys in one bulk delete: S3 answers and takes no more. */
  listPage: 1000,
  bulkDeleteKeys: 1000,
  /** Bytes of an answer that is read whole: an error, and a listing of 1000 keys of 1024 bytes, each escaped to three times that. */
  httpErrorBytes: 64 * 1024,
  httpListBytes: 8 * 1024 * 1024,
  /** HTTP connections of the storage worker to one host: a radosgw or S3 frontend is not faster with more, and each costs it a thread. */
  storageConnections: 64,
  /** Names of one CDMI container: they come in no order, so that a listing needs all of them. And how long they serve the pages that follow (ms). */
  cdmiChildren: 1_000_000,
  cdmiChildrenMs: 30_000,
  /** Servers that one store has sent us to (redirects), beside its own, to which connections are kept. */
  storeRedirectHosts: 4,
  /** A reader that takes nothing for this long gives its connection back; the rest is fetched by range when it goes on (ms). */
  stalledReadMs: 3_000,
  /** The trial at start whether the store honours conditions: a store that is slower is trusted (ms). */
  storeProbeMs: 3_000,
  /** Stores kept open by the storage worker, one per different configured string. */
  openStores: 64,
  /** Any answer of the storage worker: longer than a driver's own time-outs and retries together (ms). */
  storageAskMs: 5 * 60_000,
  /** fscache: entries remembered (some 200 bytes each), objects on their way into one directory at once, pieces remembered until the second is asked for. */
  cacheEntries: 250_000,
  cacheFills: 64,
  cachePieces: 1000,
  /** A piece that begins up to here makes the cache fetch the whole object, if that is no larger than this: most mails, in the time of a request. */
  cacheLeadBytes: 1024 * 1024,
  cacheWholeBytes: 16 * 1024 * 1024,
  /** How far a download may be behind the piece that is asked for: it comes as fast as a request of its own would be answered. */
  cacheWaitBytes: 4 * 1024 * 1024,
  /** What may be missing of an object when its last reader leaves, and is fetched all the same. */
  cacheRestBytes: 8 * 1024 * 1024,
  /** After a failing disk the cache is not written to for so long; such failures are told this often at most; how often its directory is counted anew (ms). */
  cacheRestMs: 10_000,
  cacheWarnMs: 60_000,
  cacheScanMs: 10 * 60_000,
  /** Files looked at between two pauses of a scan, and such a pause (ms): some 20,000 files a second at most. */
  cacheScanFiles: 256,
  cacheScanPauseMs: 10,
  /** A file in the making that has not grown for so long was left by a crash; use of an entry is noted on the disk this often at most (ms). */
  cacheAbandonedMs: 10 * 60_000,
  cacheTouchMs: 60_000,
  /** Bytes on their way from the storage worker for one read, not yet taken by its reader. */
  readWindowBytes: 256 * 1024,
  /** An answer from another thread (ms). */
  askMs: 60_000,
  /** What another thread hears of later than it could, to spare a message (ms); and so many items at most: they are held in memory. */
  linkNoteMs: 20,
  linkNotes: 100,
  /** Local files kept open by one session worker for appending, and for reading pieces of them (message caches). */
  openFiles: 512,
  openReadFiles: 128,
  /** Lines of a simulated world's trace that are kept to be shown when a seed fails. */
  simTraceLines: 400,
  /** Configuration: one file, all files together, includes and sections within each other. Real ones have some 30 files of 2 KB. */
  configFileBytes: 1024 * 1024,
  configFiles: 1000,
  configDepth: 16,
  /** Texts with %variables of which a thread remembers what they consist of: those of the settings, and some of users'. */
  parsedTemplates: 500,
  /** Young generation of a thread's heap (MB): smaller costs CPU (measured: 16 about 5 %, 4 about 40 %), larger costs memory. */
  youngMegabytes: 32,
  /** The same of an auth thread: one look-up leaves little behind. */
  authYoungMegabytes: 4,
  /** Lines of the log that wait for a slow reader of standard error. */
  logWaitingBytes: 1024 * 1024,
  /** Time all of a clean stop may take (ms). */
  shutdownMs: 30_000,
} as const

export type Limits = { readonly [Name in keyof typeof limits]: number }
