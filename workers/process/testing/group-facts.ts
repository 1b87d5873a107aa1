import type { GroupFacts } from '../contract.ts';

/** What a receiver that has just started tells of its group, but for what is given. */
export function groupFacts(given: Partial<GroupFacts> = {}): GroupFacts {
  return {
    gateway: { namespace: 'mailhold', name: 'default' },
    role: 'receiver',
    software: 'Mailhold/test',
    startedAt: '2026-01-01T00:00:00Z',
    ready: false,
    archive: {},
    unknownRecipients: { count: 0 },
    failedHandshakes: [],
    ...given,
  };
}
