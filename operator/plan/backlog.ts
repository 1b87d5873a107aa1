import type { SourceFacts } from '../../workers/process/contract.ts';
import type { ArchiveConnection } from '../api/archive-connection.ts';
import { intervalOf, patienceOf } from './situation.ts';
import { clockTime, messagesWait, roughly } from './words.ts';

/** So many messages are a backlog from the first look on. */
const MANY = 100;
/** Fewer are one only when they have waited for so many looks at the mailbox: before, they are on their way. */
const LOOKS = 2;

/** Messages that wait, without those that are merely on their way. */
function backlogOf(connection: ArchiveConnection, source: SourceFacts, now: number): number {
  const since = source.oldestWaitingSince;
  const onTheirWay = since !== undefined && now - Date.parse(since) <= LOOKS * intervalOf(connection);
  return onTheirWay && source.waiting < MANY ? 0 : source.waiting;
}

/** The column BACKLOG: a dash for SMTP, a rounded number for IMAP, absent where nobody has looked yet. */
export function backlogColumn(
  connection: ArchiveConnection,
  source: SourceFacts | undefined,
  now: number,
): string | undefined {
  if (connection.spec.method === 'SMTP') return '-';
  return source === undefined ? undefined : roughly(backlogOf(connection, source, now));
}

/** `Over 1,000 messages wait; the oldest since 11:50 UTC.`; undefined where none does. */
export function backlogWords(source: SourceFacts | undefined, now: number): string | undefined {
  if (source === undefined || source.waiting === 0) return undefined;
  const since = source.oldestWaitingSince;
  if (since === undefined) return `${messagesWait(source.waiting)}.`;
  return `${messagesWait(source.waiting)}; the oldest since ${clockTime(Date.parse(since), now)}.`;
}

/** Messages have waited for longer than patience, and in all that time none was stored. */
export function isStuck(
  connection: ArchiveConnection,
  source: SourceFacts,
  lastStoredAt: string | undefined,
  now: number,
): boolean {
  const limit = stuckAt(connection, source, lastStoredAt);
  return limit !== undefined && now > limit;
}

/** When the messages that wait will have waited too long, in ms since 1970. */
export function stuckAt(
  connection: ArchiveConnection,
  source: SourceFacts,
  lastStoredAt: string | undefined,
): number | undefined {
  if (source.waiting === 0 || source.oldestWaitingSince === undefined) return undefined;
  const moved = Math.max(
    Date.parse(source.oldestWaitingSince),
    lastStoredAt === undefined ? 0 : Date.parse(lastStoredAt),
  );
  return moved + patienceOf(connection);
}
