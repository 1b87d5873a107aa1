import { quantity } from './quantity.ts';
import { defaulted, integer, object, only } from './schema.ts';
import { workerPod } from './worker-pod.ts';

export const pollerSpec = object(
  {
    shards: only(
      'kubernetes',
      defaulted(integer({ description: 'Pollers that the mailboxes are spread over.', minimum: 1, maximum: 64 }), 1),
    ),
    pod: only('kubernetes', defaulted(workerPod, {})),
    bytesInFlight: defaulted(
      quantity({
        description: 'Bytes of fetched messages that one poller holds in memory.',
        minimum: '1Mi',
        maximum: '16Gi',
      }),
      '32Mi',
    ),
  },
  { description: 'What pulls mail by IMAP.' },
);
