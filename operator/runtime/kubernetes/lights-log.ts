import { findCondition } from '../../api/conditions.ts';
import type { AnyResource, AnyStatus } from '../../api/kinds.ts';
import type { Condition } from '../../api/resource.ts';
import type { EventRecorder } from '../../kube/events.ts';

/**
 * Tells in an Event what became of the green light: when it goes out and why, and when it comes on. What is only under
 * way is no event, nor are other words for the same reason.
 *
 * @param before undefined of an object that never had a status
 */
export function recordLights(
  events: Pick<EventRecorder, 'record'>,
  resource: AnyResource,
  before: AnyStatus | undefined,
  after: AnyStatus,
): void {
  const was = findCondition(before?.conditions, 'Ready');
  const is = findCondition(after.conditions, 'Ready');
  if (is === undefined || is.status === 'Unknown' || isSame(was, is)) return;
  events.record({
    regarding: resource,
    type: is.status === 'True' ? 'Normal' : 'Warning',
    reason: is.reason,
    action: 'Reconcile',
    note: is.message === '' ? is.reason : is.message,
  });
}

function isSame(was: Condition | undefined, is: Condition): boolean {
  return was !== undefined && was.status === is.status && was.reason === is.reason;
}
