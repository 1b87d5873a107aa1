/** Addresses of a cluster with a node. Its network is its own, so that every cluster has the same. */
export const ADDRESSES = {
  /** TEST-NET-1 (RFC 5737). */
  node: '192.0.2.1',
  pods: '10.244.0.0/24',
  services: '10.96.0.0/16',
  /** The first of the services' range, which Kubernetes gives to the Service `kubernetes`. */
  apiService: '10.96.0.1',
  /** TEST-NET-3 (RFC 5737): each of them is an address of the node's network, for servers and senders of tests. */
  testHosts: '203.0.113.0/24',
  /** Pods ask it for names. */
  nameServer: '203.0.113.53',
} as const;
