import type { Log } from './types.ts';

/** The server repeats a warning with every call that earns it. */
const REMEMBERED = 100;

/** Logs what the API server warns of (a deprecated version, a pod that a namespace's rules do not like), each text once. */
export function logWarnings(log: Log): (text: string) => void {
  const seen = new Set<string>();
  return (text) => {
    if (seen.has(text)) return;
    const [oldest] = seen;
    if (seen.size >= REMEMBERED && oldest !== undefined) seen.delete(oldest);
    seen.add(text);
    log.warn('api_server_warning', { text });
  };
}
