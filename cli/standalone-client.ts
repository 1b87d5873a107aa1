import type { StandaloneStatus } from '../operator/runtime/standalone/status-page.ts';
import type { TestEvent } from '../workers/process/contract.ts';
import { CommandError, UsageError } from './io.ts';

export const DEFAULT_SERVER = 'http://127.0.0.1:8460';

/** The HTTP server of a running `mailhold run`. */
export interface StandaloneClient {
  status(wait?: { since: number; ms: number }): Promise<StandaloneStatus>;
  test(namespace: string | undefined, name: string): AsyncIterable<TestEvent>;
}

/**
 * @throws UsageError where `server` is no URL
 * @throws CommandError from every call where nothing answers, or the answer is a refusal, with what to do
 */
export function standaloneClient(server: string, signal: AbortSignal): StandaloneClient {
  if (!URL.canParse(server)) throw new UsageError(`--server takes a URL as ${DEFAULT_SERVER}, not ${server}.`);
  const ask = async (path: string, init: RequestInit = {}): Promise<Response> => {
    let response: Response;
    try {
      response = await fetch(new URL(path, server), { ...init, signal });
    } catch (error) {
      throw new CommandError(
        `Nothing answers at ${server}. Start Mailhold with "mailhold run FOLDER", or name its address with --server.`,
        { cause: error },
      );
    }
    if (!response.ok) throw new CommandError((await response.text()).trim());
    return response;
  };
  return {
    status: async (wait) => {
      const query = wait === undefined ? '' : `?since=${wait.since}&wait=${wait.ms}`;
      return (await (await ask(`/status${query}`)).json()) as StandaloneStatus;
    },
    test: async function* (namespace, name) {
      const query = new URLSearchParams({ name, ...(namespace !== undefined && { namespace }) });
      const { body } = await ask(`/test?${query}`, { method: 'POST' });
      if (body === null) return;
      let rest = '';
      for await (const text of body.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) if (line !== '') yield JSON.parse(line) as TestEvent;
      }
    },
  };
}
