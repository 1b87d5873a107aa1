import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Dispatcher } from 'undici';
import { ApiError } from './api-error.ts';
import { failureOf, isConnectionLost, isNeverSent } from './call-failure.ts';
import { type Connection, openConnections } from './connections.ts';
import { type Deadline, startDeadline } from './deadline.ts';
import { printable, refusalOf } from './server-answer.ts';
import type { Clock } from './types.ts';

const DEADLINE_MS = 10_000;
/** How often one call is sent at most: a busy server is not to be asked without end by those that wait for it. */
const MOST_TRIES = 4;
/** For an overloaded server that does not say how long to wait. */
const PAUSE_MS = 500;
/** A page of 500 objects of the largest size that etcd takes by default (1.5 MB) would not fit, but none such is asked for. */
const LARGEST_ANSWER = 256 * 1024 * 1024;
const LARGEST_REFUSAL = 1024 * 1024;

/** One request, and how it is called in errors and metrics. */
export interface ApiRequest {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** With its query. */
  path: string;
  /** For people: what is asked for, such as `apply deployments mailhold/receiver`. */
  doing: string;
  body?: { contentType: string; text: string };
  /** Whether sending it twice has the effect of sending it once. */
  idempotent: boolean;
  /** Leaves the server's words out of errors. */
  discreet?: boolean;
  signal?: AbortSignal | undefined;
}

export interface ApiAnswer {
  status: number;
  /** JSON as the value that it says; anything else as text. */
  body: unknown;
}

export interface TransportOptions {
  kubeConfig: KubeConfig;
  userAgent: string;
  clock: Clock;
  /** For one call with all its tries; 10 s where left out. */
  deadlineMs?: number;
  /** Gets each text of a `Warning` header (RFC 9111, section 5.5), such as of a deprecated kind. */
  onWarning?: (text: string) => void;
}

export interface Transport extends AsyncDisposable {
  /** Sends it until it is answered, at most four times and within the deadline. @throws ApiError */
  call(request: ApiRequest): Promise<ApiAnswer>;
  /**
   * Sends it once. The deadline ends with the first line of the answer; the bytes come as the consumer takes them, and end
   * without an error when the caller's signal aborts. @throws ApiError
   */
  stream(request: ApiRequest): AsyncGenerator<Buffer>;
}

/** Requests to the API server over pools that all calls of the process share. */
export function createTransport(options: TransportOptions): Transport {
  const { userAgent, clock, onWarning } = options;
  const deadlineMs = options.deadlineMs ?? DEADLINE_MS;
  const connections = openConnections(options.kubeConfig);

  const send = async (
    request: ApiRequest,
    deadline: Deadline,
    which: 'calls' | 'streams',
  ): Promise<Dispatcher.ResponseData> => {
    // A credential plugin may hang, and knows no signal.
    const connection: Connection = await before(deadline.signal, connections.current());
    const { origin, pathname } = new URL(connection.server);
    const response = await connection[which].request({
      origin,
      path: `${pathname === '/' ? '' : pathname}${request.path}`,
      method: request.method,
      headers: {
        ...connection.headers,
        accept: 'application/json',
        'user-agent': userAgent,
        ...(request.body !== undefined && { 'content-type': request.body.contentType }),
      },
      body: request.body?.text ?? null,
      signal: deadline.signal,
    });
    for (const text of warningsOf(response.headers.warning)) onWarning?.(text);
    if (response.statusCode < 300) return response;
    throw refusalOf({
      doing: request.doing,
      status: response.statusCode,
      retryAfter: [response.headers['retry-after']].flat()[0],
      body: await readAll(response.body, LARGEST_REFUSAL, request.doing),
      now: clock.now(),
      discreet: request.discreet ?? false,
    });
  };
  const explain = ({ doing, signal }: ApiRequest, deadline: Deadline, error: unknown): ApiError => {
    if (signal?.aborted)
      return new ApiError('Aborted', `Mailhold was told to stop before it could ${doing}.`, { cause: error });
    if (!deadline.expired) return failureOf(doing, error);
    return new ApiError('Timeout', `The API server did not ${doing} within ${deadlineMs / 1000} s.`, { cause: error });
  };

  return {
    call: async (request) => {
      using deadline = startDeadline(deadlineMs, request.signal);
      for (let tries = 1; ; tries++) {
        try {
          const { statusCode, headers, body } = await send(request, deadline, 'calls');
          return {
            status: statusCode,
            body: decode(await readAll(body, LARGEST_ANSWER, request.doing), headers, request.doing),
          };
        } catch (error) {
          const failure = explain(request, deadline, error);
          const pause = pauseBefore(request, error, failure);
          if (tries === MOST_TRIES || pause === undefined || pause >= deadline.left()) throw failure;
          await sleep(pause, undefined, { signal: deadline.signal }).catch((reason: unknown) => {
            throw explain(request, deadline, reason);
          });
        }
      }
    },
    stream: async function* (request) {
      using deadline = startDeadline(deadlineMs, request.signal);
      try {
        const { body } = await send(request, deadline, 'streams');
        deadline.lift();
        for await (const chunk of body) yield chunk as Buffer;
      } catch (error) {
        if (request.signal?.aborted) return;
        throw explain(request, deadline, error);
      }
    },
    [Symbol.asyncDispose]: () => connections[Symbol.asyncDispose](),
  };
}

/** ms to wait before the same request is sent again; undefined where it must not be. */
function pauseBefore(request: ApiRequest, error: unknown, failure: ApiError): number | undefined {
  if (failure.code === 'Aborted' || failure.code === 'Timeout') return undefined;
  // Turned away before anything was done, so that any request may come back.
  if (failure.status === 429) return failure.retryAfterMs ?? PAUSE_MS;
  if (isNeverSent(error)) return 0;
  if (!request.idempotent) return undefined;
  if (failure.status === 503) return failure.retryAfterMs ?? PAUSE_MS;
  return isConnectionLost(error) ? 0 : undefined;
}

async function before<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

async function readAll(body: AsyncIterable<Buffer>, limit: number, doing: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > limit)
      throw new ApiError('Unreadable', `The API server's answer to ${doing} is larger than ${limit} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

function decode(body: Buffer, headers: Dispatcher.ResponseData['headers'], doing: string): unknown {
  const text = body.toString('utf8');
  if (!`${headers['content-type']}`.startsWith('application/json')) return text;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ApiError('Unreadable', `The API server's answer to ${doing} broke off or is no JSON.`, { cause: error });
  }
}

/** Kubernetes sends each as `299 - "text"`. */
function warningsOf(header: string | string[] | undefined): string[] {
  return [header ?? []]
    .flat()
    .flatMap((line) => [...line.matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)])
    .map(([, quoted = '']) => printable(quoted.replaceAll(/\\(.)/g, '$1')));
}
