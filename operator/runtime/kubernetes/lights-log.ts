import { findCondition } from '../../api/conditions.ts';
import type { AnyResource, AnyStatus } from '../../api/kinds.ts';
import type { Condition } from '../../api/resource.ts';
import type { EventRecorder } from '../../kube/events.ts';

/**
 * Tells in an Event what became of the green light: when it goes out and with which words, and when it comes back. What
 * is only under way is no event, and neither is the first look at an object.
 */
export function recordLights(
  events: EventRecorder,
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
