import { cpuQuantity, parseCPU } from './cpu-quantity.ts';
import { parseQuantity, quantity } from './quantity.ts';
import { type Infer, integer, list, map, object, oneOf, optional, type Rule, string } from './schema.ts';

const LABEL_VALUE = '^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$';
const LABEL_KEY = '^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$';

const labelValue = (description: string) =>
  string({ description, pattern: LABEL_VALUE, expected: 'the value of a label', maxLength: 63 });

const amounts = (description: string) =>
  object(
    {
      cpu: optional(cpuQuantity('Processors.')),
      memory: optional(quantity({ description: 'Bytes of memory.', minimum: '16Mi', maximum: '16Ti' })),
      'ephemeral-storage': optional(
        quantity({ description: 'Bytes on the disk of the node.', minimum: '1Mi', maximum: '16Ti' }),
      ),
    },
    { description },
  );

const requests = amounts('What is set aside for each pod.');
type Amounts = Infer<typeof requests>;
interface Resources {
  requests?: Amounts;
  limits?: Amounts;
}

/** The API server refuses a pod that asks for more than it may have. */
function withinLimit(name: keyof Amounts, escaped: string, amount: (text: string) => number | undefined) {
  const [less, more] = name === 'cpu' ? ['500m', '1'] : ['256Mi', '1Gi'];
  const at = (side: string) => `self.${side}.${escaped}`;
  const both = `has(self.requests) && has(self.limits) && has(${at('requests')}) && has(${at('limits')})`;
  return {
    cel: `!(${both}) || quantity(${at('requests')}).compareTo(quantity(${at('limits')})) <= 0`,
    message: `requests.${name} must not be more than limits.${name}`,
    holds: (self) => (amount(self.requests?.[name] ?? '') ?? 0) <= (amount(self.limits?.[name] ?? '') ?? Infinity),
    passes: [{}, { requests: { [name]: more } }, { requests: { [name]: less }, limits: { [name]: more } }],
    fails: [{ requests: { [name]: more }, limits: { [name]: less } }],
  } satisfies Rule<Resources>;
}

const toleration = object(
  {
    key: optional(
      string({
        description: 'The taint; left out, with operator Exists: every taint.',
        pattern: LABEL_KEY,
        expected: 'the key of a taint',
        minLength: 1,
        maxLength: 316,
      }),
    ),
    operator: optional(
      oneOf(['Equal', 'Exists'], { description: 'Equal, also where left out: the value too. Exists: any value.' }),
    ),
    value: optional(labelValue('The value of the taint.')),
    effect: optional(
      oneOf(['NoSchedule', 'PreferNoSchedule', 'NoExecute'], { description: 'Left out: every effect.' }),
    ),
    tolerationSeconds: optional(
      integer({
        description: 'How long a taint with NoExecute is borne; left out: for ever.',
        minimum: 0,
        maximum: 2_147_483_647,
      }),
    ),
  },
  {
    description: 'A taint of nodes that the pods bear.',
    rules: [
      {
        cel: "has(self.key) || (has(self.operator) && self.operator == 'Exists')",
        message: 'without a key needs operator: Exists, which bears every taint',
        holds: (self) => self.key !== undefined || self.operator === 'Exists',
        passes: [{ operator: 'Exists' }, { key: 'dedicated', value: 'mail' }],
        fails: [{ value: 'mail' }],
      },
      {
        cel: "!has(self.operator) || self.operator != 'Exists' || !has(self.value)",
        message: 'with operator: Exists has no value; write operator: Equal where the value is meant',
        holds: (self) => self.operator !== 'Exists' || self.value === undefined,
        passes: [{ key: 'dedicated', operator: 'Exists' }],
        fails: [{ key: 'dedicated', operator: 'Exists', value: 'mail' }],
      },
      {
        cel: "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
        message: 'tolerationSeconds goes with effect: NoExecute',
        holds: (self) => self.tolerationSeconds === undefined || self.effect === 'NoExecute',
        passes: [{ key: 'slow', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 60 }],
        fails: [{ key: 'slow', operator: 'Exists', tolerationSeconds: 60 }],
      },
    ],
  },
);

/** What the owner of a gateway may say of the pods of its workers, in the words of a Pod. */
export const workerPod = object(
  {
    resources: optional(
      object(
        { requests: optional(requests), limits: optional(amounts('What a pod may use at most.')) },
        {
          description: 'Left out: what fits bytesInFlight.',
          rules: [
            withinLimit('cpu', 'cpu', parseCPU),
            withinLimit('memory', 'memory', parseQuantity),
            withinLimit('ephemeral-storage', 'ephemeral__dash__storage', parseQuantity),
          ],
        },
      ),
    ),
    nodeSelector: optional(
      map(labelValue('The value of the label.'), {
        description: 'Labels that a node must have.',
        maxProperties: 32,
      }),
    ),
    tolerations: optional(
      list(toleration, { description: 'Taints that the pods bear.', maxItems: 32, merge: 'atomic' }),
    ),
    priorityClassName: optional(
      string({
        description: 'The PriorityClass.',
        pattern: '^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$',
        expected: 'the name of a PriorityClass',
        minLength: 1,
        maxLength: 253,
      }),
    ),
  },
  { description: 'The pods.' },
);

export type WorkerPod = Infer<typeof workerPod>;
