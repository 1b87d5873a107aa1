import { type Reason, reasons } from './reasons.ts';
import type { Condition } from './resource.ts';

/** The API server refuses more (the schema's bound); counted in characters. */
const MESSAGE_LIMIT = 1024;

/** Troubles that leave Ready as it is. Each is a reason too, and exists only while it is True. */
export type Trouble = 'VolumeNotShareable' | 'PeerAddressHidden';
export type Light = 'Ready' | 'Failed' | 'Reconciling' | 'Stalled' | 'Tested' | 'Archiving' | Trouble;

/** Order in status: the summary first, then what it is made of, then what tools read, then troubles. */
const ORDER: readonly Light[] = [
  'Ready',
  'Tested',
  'Archiving',
  'Failed',
  'Stalled',
  'Reconciling',
  'VolumeNotShareable',
  'PeerAddressHidden',
];

export interface Verdict {
  status: 'True' | 'False' | 'Unknown';
  reason: Reason;
  message: string;
}

/** The lights of one kind: `Ready` always, the others where the kind has them. */
export interface Lights {
  Ready: Verdict;
  Tested?: Verdict;
  Archiving?: Verdict;
  /** What is wrong although Ready may be True, in words that say what to do. */
  troubles?: Readonly<Partial<Record<Trouble, string>>>;
}

/**
 * The conditions of a status. What tools read follows from Ready: `Failed` is True, with Ready's reason and message,
 * exactly when Ready is False; `Stalled` exists exactly then, `Reconciling` exactly while Ready is Unknown (kstatus).
 *
 * @param previous the conditions before; `lastTransitionTime` is kept where the status is the same
 * @param now ms since 1970
 */
export function conditionsOf(
  lights: Lights,
  previous: readonly Condition[] | undefined,
  observedGeneration: number,
  now: number,
): Condition[] {
  const { troubles = {}, ...known } = lights;
  const { Ready } = known;
  const failed = Ready.status === 'False';
  const all: Partial<Record<Light, Verdict>> = {
    ...known,
    ...Object.fromEntries(
      Object.entries(troubles).map(([type, message]) => [type, { status: 'True', reason: type, message }]),
    ),
    Failed: failed ? { ...Ready, status: 'True' } : { status: 'False', reason: Ready.reason, message: '' },
    ...(failed && { Stalled: { ...Ready, status: 'True' } }),
    ...(Ready.status === 'Unknown' && { Reconciling: { ...Ready, status: 'True' } }),
  };
  return ORDER.flatMap((type) => {
    const verdict = all[type];
    if (verdict === undefined) return [];
    const before = previous?.find((condition) => condition.type === type);
    return [
      {
        type,
        status: verdict.status,
        observedGeneration,
        lastTransitionTime: before?.status === verdict.status ? before.lastTransitionTime : new Date(now).toISOString(),
        reason: verdict.reason,
        message: settled(before, verdict.reason, shortened(verdict.message)),
      },
    ];
  });
}

export function findCondition(conditions: readonly Condition[] | undefined, type: Light): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** A verdict in the words of the catalogue, where there is nothing more to say. */
export function verdictOf(status: Verdict['status'], reason: Reason, message?: string): Verdict {
  return { status, reason, message: message ?? `${reasons[reason].text} ${reasons[reason].action}`.trim() };
}

/**
 * The message before, where the new one differs only in numbers that somebody else put into his words: servers add the
 * time and the number of the session to what they say, and would have each retry rewrite the status.
 */
function settled(before: Condition | undefined, reason: string, message: string): string {
  if (before === undefined || before.reason !== reason || before.message === message) return message;
  return withoutQuotedNumbers(before.message) === withoutQuotedNumbers(message) ? before.message : message;
}

function withoutQuotedNumbers(message: string): string {
  return message.replace(/"[^"]*"/g, (quoted) => quoted.replace(/[^\s"[\]()]*\d[^\s"[\]()]*/g, '0'));
}

function shortened(message: string): string {
  if (message.length <= MESSAGE_LIMIT) return message;
  const characters = Array.from(message);
  return characters.length <= MESSAGE_LIMIT ? message : `${characters.slice(0, MESSAGE_LIMIT - 1).join('')}…`;
}
