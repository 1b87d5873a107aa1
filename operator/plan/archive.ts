import { conditionsOf, type Verdict, verdictOf } from '../api/conditions.ts';
import type { MailArchive, MailArchiveStatus } from '../api/mail-archive.ts';
import { laterOf } from './connection-status.ts';
import type { WorkerReport } from './inputs.ts';
import { firstVerdict } from './verdict.ts';
import { groupFaultVerdict, silenceVerdict } from './worker-verdict.ts';

export interface ArchiveInput {
  archive: MailArchive;
  /** The groups that write to it; none where no gateway names it. */
  writers: readonly WorkerReport[];
  /** ms since 1970. */
  now: number;
}

/** The status of an archive, from what those that write to it tell. */
export function planArchive({ archive, writers, now }: ArchiveInput): MailArchiveStatus {
  const previous = archive.status;
  const known = writers.flatMap(({ group }) => (group === undefined ? [] : [group.archive]));
  const id = known.find((facts) => facts.id !== undefined)?.id ?? previous?.archiveId;
  const free = known.map((facts) => facts.freeBytes).filter((bytes) => bytes !== undefined);
  const lastCommit = known.map((facts) => facts.lastCommitAt).reduce(laterOf, previous?.lastCommitTime);
  return {
    observedGeneration: archive.metadata.generation,
    conditions: conditionsOf(
      { Ready: readyVerdict(writers, now) },
      previous?.conditions,
      archive.metadata.generation,
      now,
    ),
    ...(id !== undefined && { archiveId: id }),
    ...(free.length > 0 && { free: freeColumn(Math.min(...free)) }),
    ...(lastCommit !== undefined && { lastCommitTime: lastCommit }),
  };
}

function readyVerdict(writers: readonly WorkerReport[], now: number): Verdict {
  if (writers.length === 0) return verdictOf('True', 'NotInUse');
  return (
    firstVerdict([
      () => firstVerdict(writers.map((writer) => () => archiveFault(writer, now))), // it can be written
      () => firstVerdict(writers.map((writer) => () => silenceVerdict(writer, now))), // as every writer says
    ]) ?? verdictOf('True', 'Succeeded', 'Can be written.')
  );
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
