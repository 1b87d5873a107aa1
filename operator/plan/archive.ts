import { conditionsOf, findCondition, type Verdict, verdictOf } from '../api/conditions.ts';
import type { MailArchive, MailArchiveStatus } from '../api/mail-archive.ts';
import type { Condition } from '../api/resource.ts';
import type { Platform } from '../api/schema.ts';
import { claimVerdict } from './claim.ts';
import { laterOf } from './connection-status.ts';
import type { ClaimState, InputFault, WorkerReport } from './inputs.ts';
import { firstVerdict } from './verdict.ts';
import { groupFaultVerdict, silenceVerdict } from './worker-verdict.ts';

/** So long a volume may be on its way. */
const PENDING_MS = 5 * 60_000;

export interface ArchiveInput {
  platform: Platform;
  archive: MailArchive;
  /** Kubernetes: the claim of its volume; absent where it was not read yet. */
  claim?: ClaimState;
  /** Kubernetes: why the API server does not take the claim. */
  refused?: InputFault;
  /** The groups that write to it; none where no gateway names it. */
  writers: readonly WorkerReport[];
  /** ms since 1970. */
  now: number;
}

export interface ArchivePlan {
  status: MailArchiveStatus;
  /** When to plan again although nothing changed, in ms since 1970. */
  retryAt?: number;
}

/** The status of an archive, from its claim and from what those that write to it tell. */
export function planArchive(input: ArchiveInput): ArchivePlan {
  const { archive, writers, now } = input;
  const previous = archive.status;
  const known = writers.flatMap(({ group }) => (group === undefined ? [] : [group.archive]));
  const id = known.find((facts) => facts.id !== undefined)?.id ?? previous?.archiveId;
  const free = known.map((facts) => facts.freeBytes).filter((bytes) => bytes !== undefined);
  const lastCommit = known.map((facts) => facts.lastCommitAt).reduce(laterOf, previous?.lastCommitTime);
  const status: MailArchiveStatus = {
    observedGeneration: archive.metadata.generation,
    conditions: conditionsOf({ Ready: readyVerdict(input) }, previous?.conditions, archive.metadata.generation, now),
    ...(id !== undefined && { archiveId: id }),
    ...(free.length > 0 && { free: freeColumn(Math.min(...free)) }),
    ...(lastCommit !== undefined && { lastCommitTime: lastCommit }),
  };
  const retryAt = overdueAt(input, status.conditions);
  return { status, ...(retryAt !== undefined && retryAt > now && { retryAt }) };
}

function readyVerdict(input: ArchiveInput): Verdict {
  const { platform, archive, claim, refused, writers, now } = input;
  const volume = platform === 'kubernetes' ? claimVerdict(archive, claim) : undefined;
  return (
    firstVerdict([
      () => refused && verdictOf('False', refused.reason, refused.message), // its claim is taken
      () => (volume?.status === 'False' ? volume : undefined), // its volume is not gone
      () => (writers.length === 0 ? verdictOf('True', 'NotInUse') : undefined), // somebody writes to it
      () => pendingTooLong(input), // it gets a volume in time
      () => volume, // and has one
      () => firstVerdict(writers.map((writer) => () => archiveFault(writer, now))), // which can be written
      () => firstVerdict(writers.map((writer) => () => silenceVerdict(writer, now))), // as every writer says
    ]) ?? verdictOf('True', 'Succeeded', 'Can be written.')
  );
}

function pendingTooLong(input: ArchiveInput): Verdict | undefined {
  const at = overdueAt(input, input.archive.status?.conditions);
  if (at === undefined || at > input.now) return undefined;
  const { metadata, spec } = input.archive;
  const name = spec.volume.claimName ?? `${metadata.name}-mail`;
  return verdictOf(
    'False',
    'ClaimNotBound',
    `The claim of the volume has got no volume for five minutes, although workers wait for it. Its events say why: kubectl describe pvc ${name} -n ${metadata.namespace}`,
  );
}

/** When a claim that workers wait for has been pending for too long, in ms since 1970; long ago where it was so before. */
function overdueAt({ claim, writers }: ArchiveInput, conditions: readonly Condition[] | undefined): number | undefined {
  if (claim === undefined || claim.missing === true || claim.phase !== 'Pending' || writers.length === 0) {
    return undefined;
  }
  const ready = findCondition(conditions, 'Ready');
  if (ready?.reason === 'ClaimNotBound') return 0;
  return ready?.reason === 'Progressing' ? Date.parse(ready.lastTransitionTime) + PENDING_MS : undefined;
}

function archiveFault(writer: WorkerReport, now: number): Verdict | undefined {
  switch (writer.group?.fault?.code) {
    case 'ArchiveFull':
    case 'ArchiveNotWritable':
      return groupFaultVerdict(writer, now);
    default:
      return undefined;
  }
}

/** Rounded down to one digit, so that it seldom moves: `400Gi`, `9Mi`. */
function freeColumn(bytes: number): string {
  const units = ['', 'Ki', 'Mi', 'Gi', 'Ti'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const step = 10 ** (String(Math.floor(value)).length - 1);
  return `${Math.floor(value / step) * step}${units[unit]}`;
}
