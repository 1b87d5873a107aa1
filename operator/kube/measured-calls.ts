import { objectOf } from './answers.ts';
import { ApiError } from './api-error.ts';
import type { ApiRequest, Transport } from './transport.ts';
import type { Clock, KubeObject, ResourceType } from './types.ts';

export type Verb = 'get' | 'list' | 'watch' | 'apply' | 'applyStatus' | 'create' | 'patch' | 'delete' | 'read';

/** A call that ended, for metrics. Of a watch: when it ends. */
export interface FinishedCall {
  verb: Verb;
  /** '' for `read`. */
  plural: string;
  /** 'OK', or the code of the ApiError. */
  code: string;
  ms: number;
}

/** Calls of which each is told to `onCall` when it ends. */
export interface MeasuredCalls {
  call(verb: Verb, type: ResourceType | undefined, request: ApiRequest): Promise<unknown>;
  callForObject<T extends KubeObject>(verb: Verb, type: ResourceType, request: ApiRequest): Promise<T>;
  stream(verb: Verb, type: ResourceType, request: ApiRequest): AsyncGenerator<Buffer>;
}

export function measureCalls(
  transport: Transport,
  clock: Clock,
  onCall: ((call: FinishedCall) => void) | undefined,
): MeasuredCalls {
  const start = (verb: Verb, type: ResourceType | undefined): ((code: string) => void) => {
    const began = clock.monotonic();
    return (code) => onCall?.({ verb, plural: type?.plural ?? '', code, ms: clock.monotonic() - began });
  };
  const call: MeasuredCalls['call'] = async (verb, type, request) => {
    const finish = start(verb, type);
    try {
      const { body } = await transport.call(request);
      finish('OK');
      return body;
    } catch (error) {
      finish(codeOfThrown(error));
      throw error;
    }
  };
  return {
    call,
    callForObject: async <T extends KubeObject>(verb: Verb, type: ResourceType, request: ApiRequest) =>
      objectOf<T>(await call(verb, type, request), request.doing),
    stream: async function* (verb, type, request) {
      const finish = start(verb, type);
      let code = 'OK';
      try {
        yield* transport.stream(request);
      } catch (error) {
        code = codeOfThrown(error);
        throw error;
      } finally {
        finish(code);
      }
    },
  };
}

function codeOfThrown(error: unknown): string {
  return error instanceof ApiError ? error.code : 'Unexpected';
}
