import type { Attempt, Refusal, SourceFacts } from '../../workers/process/contract.ts';
import type { ArchiveConnection, ArchiveConnectionStatus } from '../api/archive-connection.ts';
import { conditionsOf } from '../api/conditions.ts';
import type { MailGateway } from '../api/mail-gateway.ts';
import type { Addresses } from './addresses.ts';
import { archivingVerdict } from './archiving.ts';
import { backlogColumn } from './backlog.ts';
import { portOf } from './entry.ts';
import { readyVerdict } from './ready.ts';
import type { Situation } from './situation.ts';
import { testedVerdict } from './tested.ts';

/** The schema's bound on lists in status. */
const LIST_LIMIT = 16;

/** The whole status of a connection: lights, address, and the facts behind them. What is not known now stays as it was. */
export function connectionStatus(
  situation: Situation,
  gateway: MailGateway | undefined,
  addresses: Addresses | undefined,
  handledTestRequest: string | undefined,
): ArchiveConnectionStatus {
  const { connection, facts, address, lastStoredAt, now } = situation;
  const { metadata, spec, status: previous } = connection;
  const archiving = archivingVerdict(situation);
  const ready = readyVerdict(situation, archiving);
  const endpoint = endpointOf(connection, address) ?? previous?.endpoint;
  const backlog = backlogColumn(connection, facts?.source, now) ?? previous?.backlog;
  const records = addresses?.records ?? previous?.addresses;
  const lastTest = facts?.attempt === undefined ? previous?.lastTest : testOf(facts.attempt);
  const handled = handledTestRequest ?? previous?.lastHandledTestAt;
  const refusals = facts === undefined ? previous?.refusals : refusalsOf(facts.refusals);
  const source = facts?.source === undefined ? previous?.source : sourceOf(facts.source);
  const counts = facts?.counts ?? previous?.counts;
  const shownAddress = address ?? previous?.address;
  return {
    observedGeneration: metadata.generation,
    conditions: conditionsOf(
      { Ready: ready, Tested: testedVerdict(situation), Archiving: archiving },
      previous?.conditions,
      metadata.generation,
      now,
    ),
    ...(gateway !== undefined && {
      gateway: { namespace: gateway.metadata.namespace, name: gateway.metadata.name },
    }),
    ...(endpoint !== undefined && { endpoint }),
    ...(shownAddress !== undefined && { address: shownAddress }),
    ...(spec.smtp !== undefined && { addressGeneration: spec.smtp.addressGeneration }),
    ...(records !== undefined && { addresses: records }),
    ...(backlog !== undefined && { backlog }),
    ...(lastStoredAt !== undefined && { lastStoredTime: lastStoredAt }),
    ...(lastTest !== undefined && { lastTest }),
    ...(handled !== undefined && { lastHandledTestAt: handled }),
    ...(refusals !== undefined && refusals.length > 0 && { refusals }),
    ...(source !== undefined && { source }),
    ...(counts !== undefined && { counts }),
  };
}

/** The later of two RFC 3339 times. */
export function laterOf(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Date.parse(a) >= Date.parse(b) ? a : b;
}

function endpointOf({ spec }: ArchiveConnection, address: string | undefined): string | undefined {
  const { imap } = spec;
  return imap === undefined ? address : `${imap.user}@${imap.host}:${portOf(imap)}/${imap.folder}`;
}

function testOf(attempt: Attempt): NonNullable<ArchiveConnectionStatus['lastTest']> {
  return {
    trigger: attempt.trigger,
    startedTime: attempt.startedAt,
    endedTime: attempt.endedAt,
    result: attempt.fault === undefined ? 'Passed' : 'Failed',
    stages: attempt.stages.slice(0, LIST_LIMIT).map(({ stage, ok, ms, text }) => ({
      stage,
      result: ok ? 'Passed' : 'Failed',
      milliseconds: Math.round(ms),
      text: text.slice(0, 1024),
    })),
  };
}

function refusalsOf(refusals: readonly Refusal[]): NonNullable<ArchiveConnectionStatus['refusals']> {
  return refusals
    .toSorted((a, b) => (a.reply < b.reply ? -1 : 1))
    .slice(0, LIST_LIMIT)
    .map(({ reply, count, lastAt, lastPeer }) => ({ reply, count, lastTime: lastAt, lastPeer }));
}

function sourceOf(source: SourceFacts): NonNullable<ArchiveConnectionStatus['source']> {
  return {
    folder: source.folder,
    seenTime: source.at,
    exists: source.exists,
    waiting: source.waiting,
    ...(source.oldestWaitingSince !== undefined && { oldestWaitingSince: source.oldestWaitingSince }),
    uidValidity: source.uidValidity,
  };
}
