import { conditionsSchema, observedGenerationSchema } from './resource.ts';
import { integer, list, object, oneOf, optional, required, string } from './schema.ts';

const number = (description: string) => integer({ description, minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const time = (description: string) => string({ description, format: 'date-time', maxLength: 40 });

export const mailGatewayStatus = object(
  {
    observedGeneration: observedGenerationSchema,
    conditions: optional(conditionsSchema),
    addresses: optional(
      list(string({ description: 'One address.', maxLength: 320 }), {
        description:
          'What to connect to: addresses or host names of the Service, with a port where that is not 25. The first is shown.',
        maxItems: 32,
        merge: 'atomic',
      }),
    ),
    dnsRecords: optional(
      list(
        object(
          {
            name: required(string({ description: 'The name that the record is for.', maxLength: 253 })),
            type: required(oneOf(['MX', 'A', 'AAAA', 'CNAME'], { description: 'The type of the record.' })),
            value: required(string({ description: 'What it holds.', maxLength: 320 })),
          },
          { description: 'One record.' },
        ),
        { description: 'The records to make in DNS, so that mail comes here.', maxItems: 32, merge: 'atomic' },
      ),
    ),
    receiver: optional(
      object(
        {
          replicas: required(number('How many there are to be.')),
          ready: required(number('How many take mail.')),
        },
        { description: 'The receivers.' },
      ),
    ),
    pollers: optional(
      object(
        {
          shards: required(number('How many there are to be.')),
          ready: required(number('How many pull mail.')),
        },
        { description: 'The pollers.' },
      ),
    ),
    connections: optional(number('Connections that are attached.')),
    addressKeyFingerprint: optional(
      string({
        description:
          'SHA-256 of the key that addresses are derived from, first 16 hex digits. Another key is not served.',
        maxLength: 64,
      }),
    ),
    warnings: optional(
      list(
        object(
          {
            reason: required(string({ description: 'One word of the catalogue of reasons.', maxLength: 64 })),
            message: required(string({ description: 'What to know, for a person.', maxLength: 1024 })),
          },
          { description: 'One warning.' },
        ),
        { description: 'What works but will not please.', maxItems: 16, merge: { keys: ['reason'] } },
      ),
    ),
    unknownRecipients: optional(
      object(
        {
          count: required(number('How many, since the receiver started.')),
          lastTime: optional(time('The last one.')),
          lastPeer: optional(string({ description: 'Who named it.', maxLength: 64 })),
        },
        {
          description:
            'Recipients that look like ours and are not served: a deleted connection, or a restored cluster.',
        },
      ),
    ),
  },
  { description: 'What is known of the gateway.' },
);
