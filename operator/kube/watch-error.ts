import { ApiError } from './api-error.ts';
import type { WatchLine } from './client.ts';
import { codeOf, printable } from './server-answer.ts';
import type { KubeObject } from './types.ts';

/** An error that came as a line of the stream: a metav1.Status after the 200 of the watch itself. */
export function errorOfLine({ object }: Extract<WatchLine<KubeObject>, { type: 'ERROR' }>): ApiError {
  const { code: status, reason, message = '' } = object;
  const seconds = object.details?.retryAfterSeconds;
  const words = message === '' ? 'it did not say why' : printable(message);
  return new ApiError(codeOf(status, reason), `The API server ended the watch: ${words}`, {
    ...(status !== undefined && { status }),
    ...(reason !== undefined && { reason }),
    ...(seconds !== undefined && { retryAfterMs: seconds * 1000 }),
  });
}

/** @param thrown by the client, which is ApiError alone, or by a `transform` */
export function errorOfThrown(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  return new ApiError('Unexpected', `What the API server sent could not be taken in: ${String(thrown)}`, {
    cause: thrown,
  });
}

/** The server no longer keeps that version: what happened since is only found out by listing anew. */
export const isGone = ({ code, status }: ApiError): boolean => code === 'Gone' || status === 410;

/** The server answered, and not that it is busy: it may refuse the same request for ever. */
export const isRefusal = ({ status }: ApiError): boolean =>
  status !== undefined && status >= 400 && status !== 429 && status !== 503;
