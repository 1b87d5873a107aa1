import { quantity } from './quantity.ts';
import { receiverService } from './receiver-service.ts';
import { defaulted, integer, object, only, string } from './schema.ts';
import { workerPod } from './worker-pod.ts';

const limits = object(
  {
    sessions: defaulted(
      integer({ description: 'Sessions of one receiver at once.', minimum: 1, maximum: 100_000 }),
      1_000,
    ),
    sessionsPerPeer: defaulted(
      integer({
        description: 'Sessions of one peer at once, before it has named a recipient that is served here.',
        minimum: 1,
        maximum: 100_000,
      }),
      100,
    ),
    sessionsPerConnection: defaulted(
      integer({ description: 'Sessions for one connection at once.', minimum: 1, maximum: 100_000 }),
      200,
    ),
    bytesInFlight: defaulted(
      quantity({
        description: 'Bytes of messages that one receiver holds in memory.',
        minimum: '1Mi',
        maximum: '16Gi',
      }),
      '32Mi',
    ),
    messageBytes: defaulted(
      integer({
        description:
          'The largest message taken. The default is 150 MB and a tenth, since a journal report wraps a message.',
        minimum: 65_536,
        maximum: 1_073_741_824,
      }),
      173_015_040,
    ),
    recipientsPerTransaction: defaulted(
      integer({
        description: 'RCPT TO in one transaction (RFC 5321 section 4.5.3.1.8: at least 100).',
        minimum: 100,
        maximum: 10_000,
      }),
      1_000,
    ),
  },
  { description: 'Bounds of one receiver.' },
);

export const receiverSpec = object(
  {
    listen: only(
      'standalone',
      defaulted(
        object(
          {
            address: defaulted(
              string({
                description: 'The address to listen on.',
                pattern: '^[0-9A-Fa-f.:]+$',
                expected: 'an IP address such as 0.0.0.0 or ::',
                minLength: 2,
                maxLength: 45,
              }),
              '0.0.0.0',
            ),
            port: defaulted(integer({ description: 'The port to listen on.', minimum: 1, maximum: 65_535 }), 2525),
          },
          { description: 'Where the receiver listens.' },
        ),
        {},
      ),
    ),
    replicas: only(
      'kubernetes',
      defaulted(
        integer({
          description: 'Receivers at once. More than one needs an archive whose volume is ReadWriteMany.',
          minimum: 1,
          maximum: 32,
        }),
        1,
      ),
    ),
    service: only('kubernetes', defaulted(receiverService, {})),
    pod: only('kubernetes', defaulted(workerPod, {})),
    limits: defaulted(limits, {}),
  },
  { description: 'What takes mail by SMTP.' },
);
