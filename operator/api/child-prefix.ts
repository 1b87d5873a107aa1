import type { ObjectMeta } from './resource.ts';
import type { Rule } from './schema.ts';

const CHILD_PREFIX = '^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$';

/**
 * A name that other objects' names begin with: `NAME-receiver` names a Service, which has to be a label of RFC 1035
 * section 2.3.1 (a letter first, 63 characters), and `NAME-poller-63-connections-15` is the longest that follows.
 */
export function childPrefixRule(kind: string): Rule<{ readonly metadata: Pick<ObjectMeta, 'name'> }> {
  return {
    only: 'kubernetes',
    cel: `self.metadata.name.matches('${CHILD_PREFIX}')`,
    message: `metadata.name of a ${kind} must be at most 40 small letters, digits and dashes and begin with a letter, such as mail`,
    holds: ({ metadata }) => new RegExp(CHILD_PREFIX).test(metadata.name),
    passes: [{ metadata: { name: 'mail' } }, { metadata: { name: `a-${'9'.repeat(38)}` } }],
    fails: [
      { metadata: { name: '1st' } },
      { metadata: { name: 'mail.example' } },
      { metadata: { name: 'mail-' } },
      { metadata: { name: 'a'.repeat(41) } },
    ],
  };
}
