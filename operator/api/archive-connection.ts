import { archiveConnectionStatus } from './archive-connection-status.ts';
import { cidr } from './cidr.ts';
import { duration } from './duration.ts';
import { defineKind, type Resource } from './resource.ts';
import { defaulted, type Infer, integer, list, object, oneOf, only, optional, required, string } from './schema.ts';

const HOST_NAME = '^[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?$';
const OBJECT_NAME = '^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$';

const smtp = object(
  {
    source: defaulted(
      oneOf(['Office365', 'Exchange', 'Other'], {
        description:
          'What sends: Office 365 journaling, journaling of an Exchange server of your own, or anything else that copies mail by SMTP, such as Google Workspace.',
      }),
      'Other',
    ),
    undeliverableJournalAddress: optional(
      string({
        description: 'The mailbox that the source sends undeliverable journal reports to, as its null or reverse path.',
        pattern: '^[^@\\s<>]{1,64}@[A-Za-z0-9.-]{1,253}$',
        expected: 'a mail address such as undeliverable@contoso.com',
        minLength: 3,
        maxLength: 320,
      }),
    ),
    senderRanges: optional(
      list(cidr('One range of addresses that may send.'), {
        description: 'Where mail may come from. Required for Exchange; left out elsewhere: from everywhere.',
        maxItems: 64,
        merge: 'set',
      }),
    ),
    address: optional(
      string({
        description:
          'Pins the local part of the journal address, to keep an address from an earlier installation. Left out: derived from the key of the gateway.',
        pattern: '^[0-9a-hjkmnp-tv-z]{32}$',
        expected: 'the 32 characters before the @ of an address that Mailhold made',
        minLength: 32,
        maxLength: 32,
      }),
    ),
    addressGeneration: defaulted(
      integer({
        description: 'Raise it to get a new address; the old one lives on for retireAfter.',
        minimum: 1,
        maximum: 1_000_000,
      }),
      1,
    ),
    retireAfter: defaulted(
      duration({
        description: 'How long an address that was replaced still takes mail.',
        minimum: '0s',
        maximum: '87600h',
      }),
      '168h',
    ),
    whenDisabled: defaulted(
      oneOf(['Defer', 'Reject'], {
        description: 'What a sender hears while the connection is Disabled: Defer 450 (it tries again), Reject 550.',
      }),
      'Defer',
    ),
    outsideRanges: defaulted(
      oneOf(['Defer', 'Reject'], {
        description: 'What a sender outside senderRanges hears: Defer 450 (it tries again), Reject 550.',
      }),
      'Defer',
    ),
    minimumTLS: defaulted(
      oneOf(['TLSv1.2', 'TLSv1.3'], { description: 'The oldest version of TLS that may carry mail.' }),
      'TLSv1.2',
    ),
  },
  {
    description: 'Mail that is sent here.',
    rules: [
      {
        cel: "self.source != 'Exchange' || (has(self.senderRanges) && size(self.senderRanges) > 0)",
        message: 'source Exchange needs senderRanges: write the addresses that your Exchange servers send from',
        holds: (self) => self.source !== 'Exchange' || (self.senderRanges?.length ?? 0) > 0,
        passes: [{ source: 'Office365' }, { source: 'Exchange', senderRanges: ['203.0.113.0/24'] }],
        fails: [{ source: 'Exchange' }, { source: 'Exchange', senderRanges: [] }],
      },
    ],
    transitions: [
      {
        cel: 'self.addressGeneration >= oldSelf.addressGeneration',
        message: 'addressGeneration can only be raised',
        holds: (self, old) => self.addressGeneration >= old.addressGeneration,
        passes: [
          [{ addressGeneration: 1 }, { addressGeneration: 2 }],
          [{}, { addressGeneration: 1 }],
        ],
        fails: [[{ addressGeneration: 2 }, {}]],
      },
    ],
  },
);

const passwordRef = object(
  {
    name: only(
      'kubernetes',
      required(
        string({
          description: 'The Secret, in the namespace of the connection.',
          pattern: OBJECT_NAME,
          expected: 'the name of a Secret',
          minLength: 1,
          maxLength: 253,
        }),
      ),
    ),
    key: only(
      'kubernetes',
      defaulted(
        string({
          description: 'The key within the Secret.',
          pattern: '^[-._a-zA-Z0-9]+$',
          expected: 'the name of a key in the Secret',
          minLength: 1,
          maxLength: 253,
        }),
        'password',
      ),
    ),
    file: only(
      'standalone',
      optional(
        string({
          description: 'A file that holds the password and nothing else; relative to the folder of the manifests.',
          minLength: 1,
          maxLength: 4096,
        }),
      ),
    ),
    env: only(
      'standalone',
      optional(
        string({
          description: 'A variable of the environment that holds the password.',
          pattern: '^[A-Za-z_][A-Za-z0-9_]*$',
          expected: 'the name of a variable such as MAIL_PASSWORD',
          minLength: 1,
          maxLength: 128,
        }),
      ),
    ),
    host: only(
      'standalone',
      optional(
        string({
          description: 'The mail hosts, with commas between them, that this password may be sent to.',
          minLength: 1,
          maxLength: 1024,
        }),
      ),
    ),
  },
  {
    description: 'Where the password is. It is read anew for every test.',
    rules: [
      {
        only: 'standalone',
        cel: 'has(self.file) != has(self.env)',
        message: 'needs exactly one of file (the path of a file with the password) and env (the name of a variable)',
        holds: (self) => (self.file === undefined) !== (self.env === undefined),
        passes: [{ file: 'password' }, { env: 'MAIL_PASSWORD' }],
        fails: [{}, { file: 'password', env: 'MAIL_PASSWORD' }],
      },
    ],
  },
);

const imap = object(
  {
    host: required(
      string({
        description: 'The mail server.',
        pattern: HOST_NAME,
        expected: 'a host name such as imap.contoso.com',
        minLength: 1,
        maxLength: 253,
      }),
    ),
    port: optional(integer({ description: 'Left out: 993 for TLS, 143 for STARTTLS.', minimum: 1, maximum: 65_535 })),
    security: defaulted(
      oneOf(['TLS', 'STARTTLS'], { description: 'TLS from the first byte, or after STARTTLS. Never without.' }),
      'TLS',
    ),
    minimumTLS: defaulted(
      oneOf(['TLSv1.2', 'TLSv1.3'], { description: 'The oldest version of TLS to use.' }),
      'TLSv1.2',
    ),
    user: required(
      string({
        description: 'The name to log in with.',
        pattern: '^[^\\x00-\\x1f\\x7f]+$',
        expected: 'one line of text',
        minLength: 1,
        maxLength: 320,
      }),
    ),
    passwordRef: required(passwordRef),
    caBundle: optional(
      string({
        description: 'PEM certificates to trust instead of the public ones.',
        pattern: '^\\s*-----BEGIN CERTIFICATE-----',
        expected: 'PEM text that begins with -----BEGIN CERTIFICATE-----',
        minLength: 1,
        maxLength: 16_384,
      }),
    ),
    folder: defaulted(string({ description: 'The folder to keep.', minLength: 1, maxLength: 1024 }), 'INBOX'),
    afterArchive: defaulted(
      oneOf(['Keep', 'Delete'], {
        description: 'What happens to a message in the mailbox once it is in the archive and was read back from there.',
      }),
      'Keep',
    ),
    pollInterval: defaulted(
      duration({ description: 'Time between two looks at the mailbox.', minimum: '1s', maximum: '24h' }),
      '60s',
    ),
    maxSessions: defaulted(
      integer({ description: 'Sessions at once; 1 for a server that allows no second one.', minimum: 1, maximum: 2 }),
      2,
    ),
  },
  { description: 'A mailbox that mail is pulled from.' },
);

export const archiveConnectionSpec = object(
  {
    description: optional(string({ description: 'For people.', maxLength: 1024 })),
    gatewayRef: optional(
      object(
        {
          namespace: optional(
            string({
              description: 'Left out: the namespace of the connection.',
              pattern: '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$',
              expected: 'the name of a namespace',
              minLength: 1,
              maxLength: 63,
            }),
          ),
          name: required(
            string({
              description: 'The MailGateway.',
              pattern: OBJECT_NAME,
              expected: 'the name of a MailGateway',
              minLength: 1,
              maxLength: 253,
            }),
          ),
        },
        { description: 'The gateway to use. Left out: the one gateway with role Default that admits the namespace.' },
      ),
    ),
    state: defaulted(oneOf(['Enabled', 'Disabled'], { description: 'Whether mail is taken.' }), 'Enabled'),
    method: required(
      oneOf(['SMTP', 'IMAP'], {
        description: 'SMTP: mail is sent here. IMAP: mail is pulled from a mailbox. Cannot change once set.',
        transitions: [
          {
            cel: 'self == oldSelf',
            message: 'method cannot change; make another ArchiveConnection instead',
            holds: (self, old) => self === old,
            passes: [['SMTP', 'SMTP']],
            fails: [['SMTP', 'IMAP']],
          },
        ],
      }),
    ),
    smtp: optional(smtp),
    imap: optional(imap),
  },
  {
    description: 'One source of mail.',
    rules: [
      {
        cel: "self.method == 'SMTP' ? has(self.smtp) && !has(self.imap) : has(self.imap) && !has(self.smtp)",
        message:
          'method SMTP goes with a block smtp (smtp: {} takes the defaults), method IMAP with a block imap; never both',
        holds: (self) =>
          self.method === 'SMTP'
            ? self.smtp !== undefined && self.imap === undefined
            : self.imap !== undefined && self.smtp === undefined,
        passes: [{ method: 'SMTP', smtp: {} }],
        fails: [{ method: 'SMTP' }, { method: 'IMAP', smtp: {} }],
      },
    ],
  },
);

export const archiveConnection = defineKind({
  kind: 'ArchiveConnection',
  singular: 'archiveconnection',
  plural: 'archiveconnections',
  shortName: 'ac',
  description: 'One source of mail: journaling by SMTP, or an IMAP mailbox.',
  spec: archiveConnectionSpec,
  status: archiveConnectionStatus,
  columns: [
    { name: 'METHOD', jsonPath: '.spec.method' },
    { name: 'READY', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'TESTED', jsonPath: '.status.conditions[?(@.type=="Tested")].status' },
    { name: 'ARCHIVING', jsonPath: '.status.conditions[?(@.type=="Archiving")].status' },
    { name: 'BACKLOG', jsonPath: '.status.backlog' },
    { name: 'ENDPOINT', jsonPath: '.status.endpoint' },
    { name: 'REASON', jsonPath: '.status.conditions[?(@.type=="Ready")].reason', priority: 1 },
    { name: 'MESSAGE', jsonPath: '.status.conditions[?(@.type=="Ready")].message', priority: 1 },
  ],
});

export type ArchiveConnectionSpec = Infer<typeof archiveConnectionSpec>;
export type ArchiveConnectionStatus = Infer<typeof archiveConnectionStatus>;
export type ArchiveConnection = Resource<'ArchiveConnection', ArchiveConnectionSpec, ArchiveConnectionStatus>;
export type SMTPSpec = Infer<typeof smtp>;
export type IMAPSpec = Infer<typeof imap>;
