import { childPrefixRule } from './child-prefix.ts';
import { quantity } from './quantity.ts';
import { conditionsSchema, defineKind, observedGenerationSchema, type Resource } from './resource.ts';
import { defaulted, type Infer, object, oneOf, only, optional, required, string } from './schema.ts';

const volume = object(
  {
    path: only(
      'standalone',
      required(
        string({
          description: 'The folder that mail is kept in; relative to the folder of the manifests.',
          minLength: 1,
          maxLength: 4096,
        }),
      ),
    ),
    claimName: only(
      'kubernetes',
      optional(string({ description: 'A PersistentVolumeClaim of your own.', minLength: 1, maxLength: 253 })),
    ),
    size: only(
      'kubernetes',
      optional(
        quantity({ description: 'The size of a claim that Mailhold makes.', minimum: '1Gi', maximum: '1000Ti' }),
      ),
    ),
    storageClassName: only(
      'kubernetes',
      optional(
        string({ description: 'The storage class of a claim that Mailhold makes.', minLength: 1, maxLength: 253 }),
      ),
    ),
    accessMode: only(
      'kubernetes',
      optional(
        oneOf(['ReadWriteOnce', 'ReadWriteMany'], {
          description:
            'How a claim that Mailhold makes may be mounted; left out: ReadWriteOnce. More than one receiver, or pollers on several nodes, need ReadWriteMany.',
        }),
      ),
    ),
  },
  {
    description: 'A file system.',
    rules: [
      {
        only: 'kubernetes',
        cel: 'has(self.claimName) != has(self.size)',
        message: 'needs exactly one of claimName (a claim of your own) and size (a claim that Mailhold makes)',
        holds: (self) => (self.claimName === undefined) !== (self.size === undefined),
        passes: [{ claimName: 'mail' }, { size: '100Gi' }],
        fails: [{}, { claimName: 'mail', size: '100Gi' }],
      },
      {
        only: 'kubernetes',
        cel: '!has(self.storageClassName) || has(self.size)',
        message: 'storageClassName goes with size',
        holds: (self) => self.storageClassName === undefined || self.size !== undefined,
        passes: [{ size: '100Gi', storageClassName: 'fast' }],
        fails: [{ claimName: 'mail', storageClassName: 'fast' }],
      },
      {
        only: 'kubernetes',
        cel: '!has(self.accessMode) || has(self.size)',
        message: 'accessMode goes with size; a claim of your own has its own accessModes',
        holds: (self) => self.accessMode === undefined || self.size !== undefined,
        passes: [{ size: '100Gi', accessMode: 'ReadWriteMany' }],
        fails: [{ claimName: 'mail', accessMode: 'ReadWriteOnce' }],
      },
    ],
  },
);

export const mailArchiveSpec = object(
  {
    description: optional(string({ description: 'For people.', maxLength: 1024 })),
    volume: required(volume),
    reserve: defaulted(
      quantity({
        description: 'Mail is no longer taken when less than this is free.',
        minimum: '1Mi',
        maximum: '100Ti',
      }),
      '1Gi',
    ),
  },
  { description: 'Where mail is kept.' },
);

export const mailArchiveStatus = object(
  {
    observedGeneration: observedGenerationSchema,
    conditions: optional(conditionsSchema),
    archiveId: optional(
      string({ description: 'The identity that stands in every record of the archive.', maxLength: 128 }),
    ),
    free: optional(string({ description: 'Free space, rounded down.', maxLength: 16 })),
    lastCommitTime: optional(
      string({ description: 'When something was last made durable.', format: 'date-time', maxLength: 40 }),
    ),
  },
  { description: 'What is known of the archive.' },
);

export const mailArchive = defineKind({
  kind: 'MailArchive',
  singular: 'mailarchive',
  plural: 'mailarchives',
  shortName: 'ma',
  description: 'Where mail is kept.',
  rules: [childPrefixRule('MailArchive')],
  spec: mailArchiveSpec,
  status: mailArchiveStatus,
  columns: [
    { name: 'READY', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'FREE', jsonPath: '.status.free' },
    { name: 'REASON', jsonPath: '.status.conditions[?(@.type=="Ready")].reason', priority: 1 },
    { name: 'MESSAGE', jsonPath: '.status.conditions[?(@.type=="Ready")].message', priority: 1 },
  ],
});

export type MailArchiveSpec = Infer<typeof mailArchiveSpec>;
export type MailArchiveStatus = Infer<typeof mailArchiveStatus>;
export type MailArchive = Resource<'MailArchive', MailArchiveSpec, MailArchiveStatus>;
