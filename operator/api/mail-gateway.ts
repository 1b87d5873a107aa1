import { childPrefixRule } from './child-prefix.ts';
import { cidr } from './cidr.ts';
import { mailGatewayStatus } from './mail-gateway-status.ts';
import { pollerSpec } from './poller-spec.ts';
import { receiverSpec } from './receiver-spec.ts';
import { defineKind, type Resource } from './resource.ts';
import { defaulted, type Infer, integer, list, object, oneOf, only, optional, required, string } from './schema.ts';

const DOMAIN_NAME = '^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$';
const OBJECT_NAME = '^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$';

const path = (description: string) => string({ description, minLength: 1, maxLength: 4096 });
const objectName = (description: string, expected: string) =>
  string({ description, pattern: OBJECT_NAME, expected, minLength: 1, maxLength: 253 });
const ranges = (description: string) => list(cidr('One range.'), { description, maxItems: 128, merge: 'set' });

const tls = object(
  {
    certificateFile: only('standalone', optional(path('A PEM file with the certificate and its chain.'))),
    keyFile: only('standalone', optional(path('A PEM file with the private key.'))),
    certificateRef: only(
      'kubernetes',
      optional(
        object(
          { name: required(objectName('The Secret, of type kubernetes.io/tls.', 'the name of a Secret')) },
          { description: 'A Secret in the namespace of the gateway.' },
        ),
      ),
    ),
    caBundle: optional(
      string({
        description: 'PEM certificates that a given certificate is verified with, instead of the public ones.',
        pattern: '^\\s*-----BEGIN CERTIFICATE-----',
        expected: 'PEM text that begins with -----BEGIN CERTIFICATE-----',
        minLength: 1,
        maxLength: 65_536,
      }),
    ),
  },
  {
    description:
      'The certificate of the host name. Left out: Mailhold issues one, which no sender that verifies will accept.',
    rules: [
      {
        only: 'standalone',
        cel: 'has(self.certificateFile) == has(self.keyFile)',
        message: 'certificateFile and keyFile go together',
        holds: (self) => (self.certificateFile === undefined) === (self.keyFile === undefined),
        passes: [{}, { certificateFile: 'tls.crt', keyFile: 'tls.key' }],
        fails: [{ certificateFile: 'tls.crt' }, { keyFile: 'tls.key' }],
      },
    ],
  },
);

const allowedNamespaces = object(
  {
    from: defaulted(
      oneOf(['Same', 'All', 'Selected'], { description: 'Same: that of the gateway. Selected: those in names.' }),
      'Same',
    ),
    names: optional(
      list(
        string({
          description: 'A namespace.',
          pattern: '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$',
          expected: 'the name of a namespace',
          minLength: 1,
          maxLength: 63,
        }),
        { description: 'The namespaces, where from is Selected.', maxItems: 256, merge: 'set' },
      ),
    ),
  },
  {
    description: 'Whose connections may use the gateway.',
    rules: [
      {
        // The API server judges the default of the block too, before it fills in those of the fields.
        cel: "(has(self.from) && self.from == 'Selected') == (has(self.names) && size(self.names) > 0)",
        message: 'names goes with from: Selected, and from: Selected needs at least one name',
        holds: (self) => (self.from === 'Selected') === (self.names?.length ?? 0) > 0,
        passes: [{}, { from: 'All' }, { from: 'Selected', names: ['contoso'] }],
        fails: [{ from: 'Selected' }, { from: 'All', names: ['contoso'] }],
      },
    ],
  },
);

export const mailGatewaySpec = object(
  {
    description: optional(string({ description: 'For people.', maxLength: 1024 })),
    hostName: required(
      string({
        description: 'The name that senders connect to; it stands in the certificate.',
        pattern: DOMAIN_NAME,
        expected: 'a host name such as in.archive.example.com',
        minLength: 1,
        maxLength: 253,
      }),
    ),
    journalDomain: required(
      string({
        description:
          'The domain of the journal addresses. Its MX leads to hostName; it is not a domain that people have mail in.',
        pattern: DOMAIN_NAME,
        expected: 'a domain such as in.archive.example.com',
        minLength: 1,
        maxLength: 253,
      }),
    ),
    archiveRef: required(
      object(
        { name: required(objectName('The MailArchive.', 'the name of a MailArchive')) },
        { description: 'Where mail is kept: a MailArchive in the namespace of the gateway.' },
      ),
    ),
    role: defaulted(
      oneOf(['Default', 'Named'], {
        description: 'Default: also serves connections that name no gateway. Named: only those that name this one.',
      }),
      'Named',
    ),
    allowedNamespaces: defaulted(allowedNamespaces, {}),
    connectionsPerNamespace: defaulted(
      integer({ description: 'Connections that one namespace may attach.', minimum: 1, maximum: 10_000 }),
      100,
    ),
    secretHosts: defaulted(
      oneOf(['Required', 'Optional'], {
        description: 'Whether a password must name the mail hosts that it may be sent to.',
      }),
      'Required',
    ),
    receiver: defaulted(receiverSpec, {}),
    poller: defaulted(pollerSpec, {}),
    tls: optional(tls),
    addressKeyRef: optional(
      object(
        {
          name: only('kubernetes', required(objectName('The Secret; its key is named key.', 'the name of a Secret'))),
          file: only('standalone', required(path('A file with the key, in base64.'))),
        },
        { description: 'The key that journal addresses are derived from. Left out: made once and kept.' },
      ),
    ),
    egress: defaulted(
      object(
        {
          allow: optional(ranges('Ranges that may be dialled although they are denied.')),
          deny: optional(
            ranges('Ranges that may not be dialled, besides loopback, link-local and those of the cluster.'),
          ),
          clusterRanges: optional(ranges('Ranges of the cluster that it does not tell of itself; denied too.')),
        },
        { description: 'Which mail servers may be dialled. Checked on the address that is really dialled.' },
      ),
      {},
    ),
  },
  { description: 'An edge where mail comes in.' },
);

export const mailGateway = defineKind({
  kind: 'MailGateway',
  singular: 'mailgateway',
  plural: 'mailgateways',
  shortName: 'mgw',
  description: 'The edge: the names that senders see, who may attach connections, and the archive that mail goes to.',
  rules: [childPrefixRule('MailGateway')],
  spec: mailGatewaySpec,
  status: mailGatewayStatus,
  columns: [
    { name: 'READY', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'HOST', jsonPath: '.spec.hostName' },
    { name: 'ADDRESS', jsonPath: '.status.addresses[0]' },
    { name: 'DOMAIN', jsonPath: '.spec.journalDomain' },
    { name: 'ARCHIVE', jsonPath: '.spec.archiveRef.name' },
    { name: 'CONNECTIONS', jsonPath: '.status.connections' },
    { name: 'REASON', jsonPath: '.status.conditions[?(@.type=="Ready")].reason', priority: 1 },
    { name: 'MESSAGE', jsonPath: '.status.conditions[?(@.type=="Ready")].message', priority: 1 },
  ],
});

export type MailGatewaySpec = Infer<typeof mailGatewaySpec>;
export type MailGatewayStatus = Infer<typeof mailGatewayStatus>;
export type MailGateway = Resource<'MailGateway', MailGatewaySpec, MailGatewayStatus>;
