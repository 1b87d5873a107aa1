import { conditionsSchema, observedGenerationSchema } from './resource.ts';
import { type Infer, integer, list, object, oneOf, optional, required, string } from './schema.ts';

const time = (description: string) => string({ description, format: 'date-time', maxLength: 40 });
const number = (description: string) => integer({ description, minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const text = (description: string, maxLength = 1024) => string({ description, maxLength });

const address = object(
  {
    localPart: required(text('The part before the @.', 64)),
    since: required(time('When it became the current one.')),
    retiresAt: optional(time('Set once it was replaced: it takes mail until then.')),
  },
  { description: 'One local part.' },
);

const stage = object(
  {
    stage: required(text('resolve, connect, greet, tls, authenticate, select, read or recipient.', 32)),
    result: required(oneOf(['Passed', 'Failed'], { description: 'How it went.' })),
    milliseconds: required(number('How long it took.')),
    text: required(text('What was seen, or the words of the server.')),
  },
  { description: 'One stage of the test.' },
);

const lastTest = object(
  {
    trigger: required(text('change, request, retry or schedule.', 32)),
    startedTime: required(time('When it began.')),
    endedTime: required(time('When it ended.')),
    result: required(oneOf(['Passed', 'Failed'], { description: 'Passed where every stage did.' })),
    stages: required(list(stage, { description: 'In order.', maxItems: 16, merge: 'atomic' })),
  },
  { description: 'The newest test of the configuration that is served; a look at the mailbox passes the same stages.' },
);

const refusal = object(
  {
    reply: required(text('The reply that was given.', 256)),
    count: required(number('How often, since the worker started.')),
    lastTime: required(time('The last time.')),
    lastPeer: required(text('To whom, the last time.', 64)),
  },
  { description: 'One kind of refusal.' },
);

const source = object(
  {
    folder: required(text('The folder.')),
    seenTime: required(time('When the server said this.')),
    exists: required(number('Messages in the folder.')),
    waiting: required(number('Messages that are not in the archive yet.')),
    oldestWaitingSince: optional(time('When the oldest of them was first seen.')),
    uidValidity: required(text('UIDVALIDITY of the folder (RFC 3501 section 2.3.1.1).', 32)),
  },
  { description: 'What the IMAP server said of the folder.' },
);

const counts = object(
  {
    begun: required(number('Messages whose first byte came, or that were asked for.')),
    stored: required(number('Messages that are in the archive.')),
    storedBytes: required(number('Their bytes.')),
    deferred: required(number('Bodies that were answered 4xx.')),
    rejected: required(number('Bodies that were answered 5xx.')),
    cut: required(number('Bodies whose sender went away.')),
    deleted: required(number('Messages deleted in the mailbox after they were archived.')),
  },
  { description: 'Since the worker started.' },
);

export const archiveConnectionStatus = object(
  {
    observedGeneration: observedGenerationSchema,
    conditions: optional(conditionsSchema),
    gateway: optional(
      object(
        {
          namespace: required(text('Its namespace.', 63)),
          name: required(text('Its name.', 253)),
        },
        { description: 'The gateway that serves the connection.' },
      ),
    ),
    endpoint: optional(text('SMTP: the address to send to. IMAP: the mailbox, as user@host:port/folder.', 2048)),
    address: optional(text('The journal address (SMTP).', 320)),
    addressGeneration: optional(number('The generation that the address was derived for.')),
    addresses: optional(
      list(address, {
        description: 'Every local part that leads here or did, the current one first.',
        maxItems: 16,
        merge: { keys: ['localPart'] },
      }),
    ),
    backlog: optional(text('Messages that wait in the mailbox, rounded down: 0, 1+, 10+, 100+. A dash for SMTP.', 16)),
    lastStoredTime: optional(time('When a message was last stored.')),
    lastTest: optional(lastTest),
    lastHandledTestAt: optional(
      text('The value of the annotation mailhold.dev/test-requested-at that was last handled.', 256),
    ),
    refusals: optional(
      list(refusal, { description: 'Recipients refused before any mail.', maxItems: 16, merge: { keys: ['reply'] } }),
    ),
    source: optional(source),
    counts: optional(counts),
  },
  { description: 'What is known of the source.' },
);

export type AddressRecord = Infer<typeof address>;
