import { condition } from '../../cli/lights.ts';
import type { StandaloneStatus } from '../../operator/runtime/standalone/status-page.ts';

/** Lights of the connections of examples/demo once everything has happened. */
const EXPECTED: Record<string, Partial<Record<'Ready' | 'Archiving', 'True' | 'False'>>> = {
  'contoso/office365': { Ready: 'True', Archiving: 'True' },
  'fabrikam/exchange': { Ready: 'True', Archiving: 'True' },
  'contoso/mailbox': { Ready: 'True', Archiving: 'True' },
  'contoso/wrong-password': { Ready: 'False' },
};

/** What is not as it should be in the demo, one sentence each; empty at its end. */
export function unexpectedLights(status: StandaloneStatus): string[] {
  const words: string[] = [];
  for (const [key, lights] of Object.entries(EXPECTED)) {
    const found = status.connections.find(({ metadata: { namespace, name } }) => `${namespace}/${name}` === key);
    if (found === undefined) {
      words.push(`There is no connection ${key}.`);
      continue;
    }
    for (const [type, wanted] of Object.entries(lights)) {
      const light = condition(found, type);
      if (light?.status === wanted) continue;
      words.push(`${key}: ${type} is ${light?.status ?? 'missing'}, not ${wanted}. ${light?.message ?? ''}`.trim());
    }
    const waiting = found.status?.source?.waiting ?? 0;
    if (waiting > 0) words.push(`${key}: ${waiting} messages wait.`);
  }
  for (const { kind, metadata, status: of } of [...status.gateways, ...status.archives]) {
    const ready = condition({ status: of }, 'Ready');
    if (ready?.status === 'True') continue;
    words.push(`${kind} ${metadata.namespace}/${metadata.name} is not ready. ${ready?.message ?? ''}`.trim());
  }
  return [...words, ...status.problems.map(({ file, line, message }) => `${file}:${line}: ${message}`)];
}
