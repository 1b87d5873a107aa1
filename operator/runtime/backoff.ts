// For both runtimes, of which standalone knows nothing else of kube/.
export { backoff } from '../kube/backoff.ts';
