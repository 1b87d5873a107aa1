import { conditionsSchema, observedGenerationSchema } from './resource.ts';
import { integer, list, object, optional, required, string } from './schema.ts';

const number = (description: string) => integer({ description, minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const time = (description: string) => string({ description, format: 'date-time', maxLength: 40 });

export const mailGatewayStatus = object(
  {
    observedGeneration: observedGenerationSchema,
    conditions: optional(conditionsSchema),
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
