/**
 * Times of the servers that a worker has for the operator and for probes, in ms. What a caller has to send is short, and
 * a connection that sends nothing must not stay; but one between two of the operator's questions is worth its handshake.
 */
export const HTTP_TIMEOUTS = {
  /** From the connection, or the request before, to the end of the headers. */
  headersTimeout: 10_000,
  /** To the end of the body. Answers that are held, or that stream, are not bound by it. */
  requestTimeout: 10_000,
  keepAliveTimeout: 60_000,
  connectionsCheckingInterval: 5_000,
} as const;
