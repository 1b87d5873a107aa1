import type { StandaloneView } from './status-page.ts';

/** The process as a supervisor of processes sees it: it plans, and its workers do not end again and again. */
export function health(view: StandaloneView, failure: unknown): { ok: boolean; text: string } {
  const words = view.workers
    .filter(({ state }) => state === 'crash-looping')
    .map(({ gateway, role, lastExit }) => `The ${role} of ${gateway} ends again and again: ${lastExit?.text ?? ''}`);
  if (failure !== undefined) words.unshift(`The last plan was not carried out: ${wordsOf(failure)}`);
  return words.length === 0 ? { ok: true, text: 'ok' } : { ok: false, text: words.join('\n') };
}

/** Ready: every gateway takes mail. Lights of single connections are not part of it. */
export function readiness(view: StandaloneView, failure: unknown): { ok: boolean; text: string } {
  const healthy = health(view, failure);
  if (!healthy.ok) return healthy;
  const words = view.gateways.flatMap(({ metadata, status }) => {
    const ready = status?.conditions?.find(({ type }) => type === 'Ready');
    if (ready?.status === 'True') return [];
    return [`MailGateway ${metadata.namespace}/${metadata.name}: ${ready?.message ?? 'not planned yet'}`];
  });
  if (view.gateways.length === 0) words.push('There is no MailGateway in the folder.');
  return words.length === 0 ? { ok: true, text: 'ready' } : { ok: false, text: words.join('\n') };
}

export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
