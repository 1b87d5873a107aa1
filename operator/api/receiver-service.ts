import { cidr } from './cidr.ts';
import { defaulted, type Infer, integer, list, map, object, oneOf, optional, string } from './schema.ts';

const CLASS_BEFORE = "(has(oldSelf.loadBalancerClass) ? oldSelf.loadBalancerClass : '')";
const CLASS_AFTER = "(has(self.loadBalancerClass) ? self.loadBalancerClass : '')";

/** The Service in front of the receivers, in the words of a Service. What is left out, the cluster decides. */
export const receiverService = object(
  {
    type: defaulted(
      oneOf(['ClusterIP', 'NodePort', 'LoadBalancer'], {
        description:
          'LoadBalancer: the cluster finds an address. NodePort: a port of every node. ClusterIP: only from inside, or where something of your own leads mail there.',
      }),
      'LoadBalancer',
    ),
    annotations: optional(
      map(string({ description: 'Its value.', maxLength: 8192 }), {
        description: 'Annotations of the Service, which load balancers read.',
        maxProperties: 64,
      }),
    ),
    loadBalancerClass: optional(
      string({
        description: 'Which load balancer, where the cluster has several.',
        pattern: '^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$',
        expected: 'a class such as example.com/internal',
        minLength: 1,
        maxLength: 316,
      }),
    ),
    externalTrafficPolicy: optional(
      oneOf(['Cluster', 'Local'], {
        description:
          'Local, also where left out: receivers see the address of the sender. Cluster: every node takes mail, and the sender is hidden.',
      }),
    ),
    ipFamilyPolicy: optional(
      oneOf(['SingleStack', 'PreferDualStack', 'RequireDualStack'], {
        description: 'Whether there is an IPv4 address, an IPv6 address, or both.',
      }),
    ),
    nodePort: optional(
      integer({ description: 'The port of every node; left out: the cluster finds one.', minimum: 1, maximum: 65_535 }),
    ),
    loadBalancerSourceRanges: optional(
      list(cidr('One range.'), {
        description: 'Where the load balancer lets senders in from; left out: from everywhere.',
        maxItems: 128,
        merge: 'set',
      }),
    ),
  },
  {
    description: 'The Service that senders connect to, on port 25.',
    rules: [
      {
        cel: "!has(self.externalTrafficPolicy) || self.type != 'ClusterIP'",
        message: 'externalTrafficPolicy goes with type: LoadBalancer or NodePort; leave it out for ClusterIP',
        holds: (self) => self.externalTrafficPolicy === undefined || self.type !== 'ClusterIP',
        passes: [{ externalTrafficPolicy: 'Local' }, { type: 'ClusterIP' }],
        fails: [{ type: 'ClusterIP', externalTrafficPolicy: 'Local' }],
      },
      {
        cel: "!has(self.nodePort) || self.type != 'ClusterIP'",
        message: 'nodePort goes with type: NodePort or LoadBalancer; leave it out for ClusterIP',
        holds: (self) => self.nodePort === undefined || self.type !== 'ClusterIP',
        passes: [
          { type: 'NodePort', nodePort: 30025 },
          { type: 'LoadBalancer', nodePort: 30025 },
        ],
        fails: [{ type: 'ClusterIP', nodePort: 30025 }],
      },
      {
        cel: "!has(self.loadBalancerClass) || self.type == 'LoadBalancer'",
        message: 'loadBalancerClass goes with type: LoadBalancer; leave it out elsewhere',
        holds: (self) => self.loadBalancerClass === undefined || self.type === 'LoadBalancer',
        passes: [{ loadBalancerClass: 'example.com/internal' }],
        fails: [{ type: 'NodePort', loadBalancerClass: 'example.com/internal' }],
      },
      {
        cel: "!has(self.loadBalancerSourceRanges) || self.type == 'LoadBalancer'",
        message: 'loadBalancerSourceRanges goes with type: LoadBalancer; leave it out elsewhere',
        holds: (self) => self.loadBalancerSourceRanges === undefined || self.type === 'LoadBalancer',
        passes: [{ loadBalancerSourceRanges: ['203.0.113.0/24'] }],
        fails: [{ type: 'ClusterIP', loadBalancerSourceRanges: ['203.0.113.0/24'] }],
      },
    ],
    transitions: [
      {
        // As the API server has it for a Service that stays a LoadBalancer.
        cel: `self.type != 'LoadBalancer' || oldSelf.type != 'LoadBalancer' || ${CLASS_AFTER} == ${CLASS_BEFORE}`,
        message: 'loadBalancerClass cannot change; apply type: ClusterIP first, then LoadBalancer with the new class',
        holds: (self, old) =>
          self.type !== 'LoadBalancer' ||
          old.type !== 'LoadBalancer' ||
          (self.loadBalancerClass ?? '') === (old.loadBalancerClass ?? ''),
        passes: [
          [{ type: 'ClusterIP' }, { loadBalancerClass: 'example.com/internal' }],
          [{ loadBalancerClass: 'example.com/internal' }, { loadBalancerClass: 'example.com/internal' }],
        ],
        fails: [
          [{}, { loadBalancerClass: 'example.com/internal' }],
          [{ loadBalancerClass: 'a.example/one' }, { loadBalancerClass: 'a.example/two' }],
        ],
      },
    ],
  },
);

export type ReceiverService = Infer<typeof receiverService>;
