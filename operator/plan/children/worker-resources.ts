import { parseQuantity } from '../../api/quantity.ts';

/** Compute resources of a container, as quantities. */
export interface Resources {
  requests?: Readonly<Record<string, string>>;
  limits?: Readonly<Record<string, string>>;
}

const MEBIBYTE = 2 ** 20;
/** A worker with thousands of connections, before any message: heap, TLS sessions, and room for the collector. */
const BASE_BYTES = 384 * MEBIBYTE;

/**
 * What a worker asks for where its gateway says nothing. Memory is bounded by what the worker itself bounds: each byte in
 * flight counts twice, in the socket's buffers and in the group commit. There is no CPU limit: throttling would only make
 * every sender wait.
 *
 * @param bytesInFlight the worker's own bound of message bytes in memory, as a quantity
 */
export function workerResources(bytesInFlight: string): Resources {
  const limit = BASE_BYTES + 2 * (parseQuantity(bytesInFlight) ?? 0);
  return {
    requests: { cpu: '50m', memory: '192Mi' },
    limits: { memory: `${Math.ceil(limit / MEBIBYTE)}Mi` },
  };
}
