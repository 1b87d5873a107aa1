import type { InputFault } from '../../plan/inputs.ts';

/** A file that a manifest names and that cannot be used: what the status says of it. */
export class LocalFault extends Error {
  readonly reason: InputFault['reason'];

  constructor(reason: InputFault['reason'], message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'LocalFault';
    this.reason = reason;
  }
}
