import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ObjectName } from '../../workers/process/contract.ts';

interface ShownCondition {
  type: string;
  status: string;
}

/** The runtime's own metrics; the workers' are theirs. */
export interface OwnMetrics {
  /** What the conditions of all connections are now. */
  showConditions(connections: readonly { metadata: ObjectName; conditions: readonly ShownCondition[] }[]): void;
  workerRestarted(gateway: string, role: string): void;
  planned(seconds: number): void;
  text(): Promise<string>;
  /** For what one runtime alone counts. */
  readonly registry: Registry;
}

export function createOwnMetrics(): OwnMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const condition = new Gauge({
    name: 'mailhold_connection_condition',
    help: '1 for the status that a condition of a connection has now.',
    labelNames: ['namespace', 'name', 'type', 'status'],
    registers: [registry],
  });
  const restarts = new Counter({
    name: 'mailhold_worker_restarts_total',
    help: 'Worker processes started again after an exit that was not asked for.',
    labelNames: ['gateway', 'role'],
    registers: [registry],
  });
  const plan = new Histogram({
    name: 'mailhold_plan_seconds',
    help: 'Time to plan all objects once.',
    buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3],
    registers: [registry],
  });
  return {
    showConditions: (connections) => {
      condition.reset();
      for (const { metadata, conditions } of connections) {
        const { namespace, name } = metadata;
        for (const { type, status } of conditions) condition.set({ namespace, name, type, status }, 1);
      }
    },
    workerRestarted: (gateway, role) => restarts.inc({ gateway, role }),
    planned: (seconds) => plan.observe(seconds),
    text: () => registry.metrics(),
    registry,
  };
}
