import { ApiError } from '../../kube/api-error.ts';
import type { InputFault } from '../../plan/inputs.ts';

/** After so many failures in a row, one that might have passed by itself is told too. */
const PATIENCE = 3;

/** What the API server does not take, by kind and key of the object that it belongs to: `MailGateway/a/b`. */
export interface Refusals {
  readonly faults: ReadonlyMap<string, InputFault>;
  /** A write failed. */
  failed(owner: string, error: unknown, failures: number): void;
  /** All that belongs to the owner was written, or it is gone. */
  passed(owner: string): void;
}

/** @param onChange called when the words for an owner are others than before */
export function createRefusals(onChange: () => void): Refusals {
  const faults = new Map<string, InputFault>();
  return {
    faults,
    failed: (owner, error, failures) => {
      const final = error instanceof ApiError && error.retry === 'never';
      if (!final && failures < PATIENCE) return;
      const message = error instanceof ApiError ? error.message : 'An error within Mailhold; its log says more.';
      if (faults.get(owner)?.message === message) return;
      faults.set(owner, { reason: 'ObjectRefused', message });
      onChange();
    },
    passed: (owner) => {
      if (faults.delete(owner)) onChange();
    },
  };
}
