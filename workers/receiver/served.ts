import type { BlockList } from 'node:net';
import type { CaptureTarget } from '../archive/log.ts';
import type { ReceiverConnection, ReceiverGroup, ReceiverLimits } from '../process/contract.ts';
import type { ConnectionBoard, FactsBoard } from '../process/facts-board.ts';
import { compileRanges } from './ranges.ts';
import { buildGreeting, type Greeting } from './replies.ts';

/** A connection as the session meets it: its entry, prepared, and where its facts are written. */
export interface Recipient {
  readonly entry: ReceiverConnection;
  readonly board: ConnectionBoard;
  readonly ranges: BlockList | undefined;
  readonly target: CaptureTarget;
  /** `namespace/name`, for logs. */
  readonly label: string;
}

/** All that a session asks of the configuration, immutable; another configuration is another object. */
export interface Served {
  readonly hostName: string;
  readonly journalDomain: string;
  readonly limits: ReceiverLimits;
  readonly greeting: Greeting;
  /** By local part in lower case. */
  readonly recipients: ReadonlyMap<string, Recipient>;
  readonly byUid: ReadonlyMap<string, Recipient>;
}

/**
 * @param before what was served until now; recipients whose entry has the same revision are kept as they are
 * @param onInvalid called for an entry that cannot be served, which is then left out
 */
export function buildServed(
  group: ReceiverGroup,
  entries: Iterable<ReceiverConnection>,
  board: FactsBoard,
  before: Served | undefined,
  onInvalid: (entry: ReceiverConnection, error: unknown) => void,
): Served {
  const recipients = new Map<string, Recipient>();
  const byUid = new Map<string, Recipient>();
  for (const entry of entries) {
    let recipient = before?.byUid.get(entry.uid);
    if (recipient?.entry.revision !== entry.revision) {
      try {
        recipient = prepare(entry, board);
      } catch (error) {
        onInvalid(entry, error);
        continue;
      }
    }
    byUid.set(entry.uid, recipient);
    for (const localPart of entry.localParts) recipients.set(localPart, recipient);
  }
  return {
    hostName: group.hostName,
    journalDomain: group.journalDomain,
    limits: group.limits,
    greeting: buildGreeting(group.hostName, group.limits.messageBytes),
    recipients,
    byUid,
  };
}

function prepare(entry: ReceiverConnection, board: FactsBoard): Recipient {
  const { namespace, name, uid, generation } = entry;
  const ranges = compileRanges(entry.senderRanges);
  return {
    entry,
    ranges,
    board: board.serve(entry),
    target: { namespace, name, uid, generation },
    label: `${namespace}/${name}`,
  };
}
