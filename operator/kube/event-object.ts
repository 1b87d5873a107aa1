import { microTime } from './micro-time.ts';
import type { KubeObject, ResourceType } from './types.ts';

export const EVENTS: ResourceType = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  scope: 'Namespaced',
};

/** The server's limit is of bytes, whatever its documentation calls them (validateV1Event: `len(event.Note)`). */
const NOTE_BYTES = 1024;
const NAME_CHARACTERS = 253;

/** What happened to an object. */
export interface Occurrence {
  /** The object that it is about; of it, only what names it is kept. */
  regarding: KubeObject;
  type: 'Normal' | 'Warning';
  /** One word for programs, such as `Created`; at most 128 characters. */
  reason: string;
  /** What was done or failed, one word, such as `Apply`; at most 128 characters. */
  action: string;
  /** A sentence for people; cut to 1,024 bytes. */
  note: string;
}

/** events.k8s.io/v1 Event, as far as we write it. */
export interface EventObject extends KubeObject {
  eventTime: string;
  reportingController: string;
  reportingInstance: string;
  type: string;
  reason: string;
  action: string;
  note: string;
  regarding: Record<string, string>;
  series?: { count: number; lastObservedTime: string };
}

/** @param unique distinguishes the events of one object; at most 40 characters of [0-9a-z] */
export function eventObject(
  { regarding, type, reason, action, note }: Occurrence,
  reporter: { controller: string; instance: string },
  unique: string,
  at: number,
): EventObject {
  const { name, namespace, uid } = regarding.metadata;
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    // Events about objects without a namespace are in `default`: the server wants them there, and kubectl looks there.
    metadata: {
      name: `${name.slice(0, NAME_CHARACTERS - unique.length - 1)}.${unique}`,
      namespace: namespace ?? 'default',
    },
    eventTime: microTime(at),
    reportingController: reporter.controller,
    reportingInstance: reporter.instance.slice(0, 128),
    type,
    reason,
    action,
    note: noteOf(note),
    regarding: {
      apiVersion: regarding.apiVersion,
      kind: regarding.kind,
      name,
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
    },
  };
}

/** The text, cut between two characters where it has more than 1,024 bytes. */
export function noteOf(text: string): string {
  if (Buffer.byteLength(text) <= NOTE_BYTES) return text;
  const ellipsis = '…';
  // A streaming decoder holds back the half character at the cut.
  const kept = new TextDecoder().decode(Buffer.from(text).subarray(0, NOTE_BYTES - Buffer.byteLength(ellipsis)), {
    stream: true,
  });
  return kept + ellipsis;
}
